// Completes package-lock.json with the platform packages that the registry at hand does not have.
//
// A mirror may carry only the packages of its own platform. `npm install` then leaves the others out of
// the lockfile without a word, and `npm ci` refuses that lockfile everywhere ("Missing: … from lock file").
// What such an entry has to say stands in the package's name; only its integrity stays unknown.
// Run it after an `npm install` that changed the lockfile: node .ci/lock-platforms.mjs
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
const { packages } = lock;

const systems = /\b(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)\b/;
const processors = /\b(arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)\b/;
const libraries = { gnu: "glibc", musl: "musl" };

/** Whether a package that sits at `from` finds `name` in its own node_modules or in one further out. */
function finds(from, name) {
  const above = from.lastIndexOf("node_modules/");
  if (`${from}${from && "/"}node_modules/${name}` in packages) return true;
  return from === "" ? false : finds(from.slice(0, Math.max(0, above - 1)), name);
}

let added = 0;
for (const [from, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (finds(from, name)) continue;
    const [os, cpu] = [systems.exec(name)?.[1], processors.exec(name)?.[1]];
    if (!/^\d/.test(version) || os === undefined || cpu === undefined) {
      throw new Error(`${from} wants ${name}@${version}, which names no platform; add it by hand`);
    }
    const library = os === "linux" ? libraries[/-(gnu|musl)/.exec(name)?.[1]] : undefined;
    const above = from.lastIndexOf("node_modules/");
    packages[`${from.slice(0, above)}node_modules/${name}`] = {
      version,
      cpu: [cpu],
      ...(dev && { dev }),
      ...(library && { libc: [library] }),
      optional: true,
      os: [os],
    };
    added++;
  }
}

const sorted = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries(sorted);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added} platform packages added`);
