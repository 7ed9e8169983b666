// Bottleneck's `light` build has the same interface, but no types.
declare module "bottleneck/light.js" {
  import Bottleneck from "bottleneck";
  export default Bottleneck;
}
