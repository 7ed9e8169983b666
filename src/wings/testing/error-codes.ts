// The codes of this wing's errors; docs/reference/errors.md explains each.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    MISSING_PEER: true;
  }
}
