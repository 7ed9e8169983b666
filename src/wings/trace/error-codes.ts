// The codes of the errors that sluice/trace adds to the core's.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    TRACE_FAILED: true;
  }
}
