// The codes of the errors that sluice/otel adds to the core's.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    MISSING_PEER: true;
  }
}
