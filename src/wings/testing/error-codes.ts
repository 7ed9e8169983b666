// The codes of this wing's errors; docs/reference/errors.md explains each.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    CASSETTE_MISS: true;
    CASSETTE_FAILED: true;
    MISSING_PEER: true;
  }
}
