// Whether the process that writes a trace is alive.
import { hostname } from "node:os";
import { TraceModel } from "../view/model/trace-model.js";

export type Writer = NonNullable<TraceModel["writer"]>;

/** The writer in the first line of a trace, if any. */
export function writerIn(line: string): Writer | undefined {
  const model = new TraceModel();
  model.add(line);
  return model.writer;
}

/** Whether the process is known to have ended; a process on another machine may be alive. */
export function isGone(writer: Writer | undefined): boolean {
  if (writer === undefined || writer.host !== hostname()) return false;
  try {
    process.kill(writer.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"; // EPERM: it belongs to another user
  }
}
