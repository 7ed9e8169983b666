// The codes of this wing's errors; docs/reference/errors.md explains each.
import "sluice";

declare module "sluice" {
  interface ErrorCodes {
    SUSPENDED: true;
    ASK_EXPIRED: true;
    QUESTION_UNKNOWN: true;
    QUESTION_ANSWERED: true;
    RUN_IN_USE: true;
    RUN_LOST: true;
    RUN_UNKNOWN: true;
    RUN_CANCELLED: true;
    RUN_STUCK: true;
    RUN_INPUT_CHANGED: true;
    GRAPH_CHANGED: true;
    AMBIGUOUS_NAME: true;
    NOT_SERIALIZABLE: true;
    DUPLICATE_KEY: true;
    INTERRUPTED: true;
    JOURNAL_IN_USE: true;
    JOURNAL_FAILED: true;
    JOURNAL_CLOSED: true;
    JOURNAL_VERSION: true;
    MISSING_DRIVER: true;
  }
}
