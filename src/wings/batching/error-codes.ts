// The codes of the errors that sluice/batching adds to the core's.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    MISSING_PEER: true;
    WRONG_RESULT_COUNT: true;
  }
}
