// A module whose functions check an address that nothing but --deps can give.
import { Flow } from "sluice";
import { remote } from "sluice/serve";

interface Deps {
  readonly serviceUrl: string;
}

export const createFirstFlow = ({ serviceUrl }: Deps): Flow =>
  new Flow(remote(serviceUrl, { name: "First" }));
export const createSecondFlow = ({ serviceUrl }: Deps): Flow =>
  new Flow(remote(serviceUrl, { name: "Second" }));
