// The codes of the errors that sluice/serve adds to the core's.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    INVALID_OUTPUT: true;
    REMOTE_FAILED: true;
    REMOTE_BROKEN: true;
    SLOW_READER: true;
    CLIENT_GONE: true;
    HANDLER_CLOSED: true;
    HOOK_STUCK: true;
  }
}
