// The codes of this wing's errors; docs/reference/errors.md explains each.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    MISSING_PEER: true;
    AMBIGUOUS_NAME: true;
    GRAPH_CHANGED: true;
    INTERRUPTED: true;
    NOT_SERIALIZABLE: true;
    FLEET_CLOSED: true;
    REDIS_UNREACHABLE: true;
    REDIS_UNFIT: true;
    RESULT_TOO_LARGE: true;
    WORKER_DIED: true;
  }
}
