// Completes the lockfiles with the platform packages that the registry at hand does not have.
//
// A mirror may carry only the packages of its own platform. `npm install` then leaves the others out of
// the lockfile without a word, and `npm ci` refuses that lockfile everywhere ("Missing: … from lock file").
// What such an entry has to say stands in the package's name; only its integrity stays unknown.
// Run it after an `npm install` that changed the lockfile: node .ci/lock-platforms.mjs
import { readFileSync, writeFileSync } from "node:fs";

const systems = /\b(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)\b/;
const processors = /\b(arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)\b/;
const libraries = { gnu: "glibc", musl: "musl" };

/** Whether a package that sits at `from` finds `name` in its own node_modules or in one further out. */
function finds(packages, from, name) {
  const above = from.lastIndexOf("node_modules/");
  if (`${from}${from && "/"}node_modules/${name}` in packages) return true;
  return from === "" ? false : finds(packages, from.slice(0, Math.max(0, above - 1)), name);
}

/** Adds what is missing, and says how many that were. */
function complete(lock) {
  const { packages } = lock;
  let added = 0;
  for (const [from, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (finds(packages, from, name)) continue;
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
  lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return added;
}

for (const name of ["package-lock.json", "site/package-lock.json"]) {
  const path = new URL(`../${name}`, import.meta.url);
  const lock = JSON.parse(readFileSync(path, "utf8"));
  const added = complete(lock);
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${name}: ${added} platform packages added`);
}
