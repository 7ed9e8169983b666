// Whether the process that writes a trace is still there.
import { hostname } from "node:os";
import { TraceModel } from "../view/model/trace-model.js";

export type Writer = NonNullable<TraceModel["writer"]>;

/** What the first line of a trace says of its writer, if anything. */
export function writerIn(line: string): Writer | undefined {
  const model = new TraceModel();
  model.add(line);
  return model.writer;
}

/** Whether it is known that the process has ended: one of another machine may go on. */
export function isGone(writer: Writer | undefined): boolean {
  if (writer === undefined || writer.host !== hostname()) return false;
  try {
    process.kill(writer.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"; // EPERM: it belongs to another user
  }
}
