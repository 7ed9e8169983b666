// The codes of the errors that sluice/threads adds to the core's.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    MISSING_PEER: true;
    UNLOADABLE: true;
    NOT_CLONEABLE: true;
    THREAD_DIED: true;
    THREAD_NOT_STARTED: true;
    POOL_CLOSED: true;
  }
}
