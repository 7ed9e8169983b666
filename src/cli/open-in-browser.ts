// Opens a page in the default browser.
import { type ChildProcess, spawn } from "node:child_process";

/** Resolves to whether the page was opened. The variable `SLUICE_OPEN` names another program. */
export function openInBrowser(target: string): Promise<boolean> {
  const own = process.env.SLUICE_OPEN;
  const [command, ...args] =
    own !== undefined && own !== ""
      ? [own, target]
      : process.platform === "darwin"
        ? ["open", target]
        : process.platform === "win32"
          ? ["rundll32", "url.dll,FileProtocolHandler", target]
          : ["xdg-open", target];
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = spawn(command as string, args, { stdio: "ignore", detached: true });
    } catch {
      // Windows: a file that is no program.
      return resolve(false);
    }
    child.once("error", () => resolve(false));
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}
