// The codes of this wing's errors; docs/reference/errors.md explains each.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    REDIS_UNREACHABLE: true;
    REDIS_UNFIT: true;
    MISSING_PEER: true;
  }
}
