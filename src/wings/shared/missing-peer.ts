// The error of a missing optional package.
import { SluiceError } from "sluice/internal";

/** The advice if `import()` is not available, as in Jest by default. */
export function noModules(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  if (!String(code).startsWith("ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING")) return undefined;
  return "which cannot be loaded here, since import() is switched off; start Jest with NODE_OPTIONS=--experimental-vm-modules";
}

/** Turns "cannot find package" of an optional peer into an error with advice; other errors are unchanged. */
export function missingPeer(wing: string, peer: string, error: unknown): unknown {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  const reason = noModules(error);
  if (reason !== undefined) {
    return new SluiceError("MISSING_PEER", `${wing} needs the package \`${peer}\`, ${reason}`, {
      cause: error,
    });
  }
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
