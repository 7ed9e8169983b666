// The error for an optional package that is not installed, which every wing with one needs.
import { SluiceError } from "sluice/internal";

/** Turns "cannot find package" of an optional peer into what to do about it; another error stays as it is. */
export function missingPeer(wing: string, peer: string, error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  if (!isMissing || !String(message).includes(`'${peer}'`)) return error;
  const advice = `install it: npm install ${peer}`;
  return new SluiceError(
    "MISSING_PEER",
    `${wing} needs the package \`${peer}\`, which is not installed; ${advice}`,
    {
      cause: error,
    },
  );
}
