// The house tests its own shape: which room may import which, how long files and functions get, and that lists kept
// in two places agree. It reads sources only; what the build makes is tested in package/.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { errorCodes } from "../src/base/errors.js";
import { complexities } from "./support/complexity.js";
import {
  exportedBy,
  internalOf,
  nodesOf,
  read,
  reexportedBy,
  root,
  type Source,
  sources,
} from "./support/sources.js";

const core = ["base", "observe", "gate", "engine", "graph"];
/** What each room may import beside its own files; of the rooms in `types`, only types. */
const rooms: Record<string, { readonly values: readonly string[]; readonly types?: readonly string[] }> = {
  base: { values: [] },
  observe: { values: ["base"] },
  gate: { values: ["base"], types: ["observe"] },
  engine: { values: ["base", "observe", "gate"] },
  graph: { values: ["base", "observe", "gate", "engine"] },
  index: { values: core },
  internal: { values: core },
  // A wing takes the rest from "sluice", from "sluice/internal" and from the public surface of another wing.
  wings: { values: ["wings/shared"] },
  view: { values: ["wings/trace"] },
  cli: { values: ["base", "engine", "view"] },
};
const roomOf = ({ room }: Source) => rooms[room.startsWith("wings/") ? "wings" : room];

/** Packages, and the one room that may import each; the types of eventemitter3 are everywhere. */
const packages: Record<string, string> = {
  "bottleneck/light.js": "gate",
  "p-limit": "gate",
  eventemitter3: "observe",
};

const all = [...sources.values()];
const inCore = ({ room }: Source) => core.includes(room);
const wings = all.filter(({ room }) => room.startsWith("wings/"));
const entries = all.filter(({ name }) => name === "index" || /^wings\/\w+\/index$/.test(name));

/** Types of one thing refer to each other, across files too; they are gone at run time. */
const atRunTime = (source: Source): Source => ({
  ...source,
  imports: source.imports.filter((specifier) => !source.typeImports.has(specifier)),
});

/** All files that can be reached from one at run time, through any number of imports. */
function reachable(name: string, seen = new Set<string>()): Set<string> {
  for (const next of internalOf(atRunTime(sources.get(name)!))) {
    if (seen.has(next)) continue;
    seen.add(next);
    reachable(next, seen);
  }
  return seen;
}

describe("imports point one way", () => {
  test("every import names a file that exists, as .js, and every folder is a room", () => {
    for (const source of all) {
      for (const name of internalOf(source)) expect(sources.has(name), `${source.name} → ${name}`).toBe(true);
      expect(roomOf(source), source.name).toBeDefined();
    }
  });

  test("no file can be reached from itself at run time", () => {
    expect([...sources.keys()].filter((name) => reachable(name).has(name))).toEqual([]);
  });

  test("each room imports only from the rooms below it", () => {
    const wrong = all.flatMap((source) =>
      source.imports
        .filter((specifier) => specifier.startsWith(".") && !specifier.endsWith(".d.ts"))
        .filter((specifier) => {
          const [name] = internalOf({ ...source, imports: [specifier] }) as [string];
          const { room } = sources.get(name)!;
          const { values, types = [] } = roomOf(source)!;
          const isType = source.typeImports.has(specifier) && types.includes(room);
          return room !== source.room && !values.includes(room) && !isType;
        })
        .map((specifier) => `${source.name} → ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test("the core imports packages only in their rooms, and nothing from node:", () => {
    const wrong = all.filter(inCore).flatMap(({ name, room, imports, typeImports }) =>
      imports
        .filter((specifier) => !specifier.startsWith("."))
        .filter((specifier) => packages[specifier] !== room)
        .filter((specifier) => !(specifier === "eventemitter3" && typeImports.has(specifier)))
        .map((specifier) => `${name} → ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test("bottleneck and p-limit are imported by the gate alone", () => {
    const users = all.filter(({ imports }) =>
      imports.some((specifier) => /^(bottleneck|p-limit)/.test(specifier)),
    );
    expect(users.filter(({ room }) => room !== "gate").map(({ name }) => name)).toEqual([]);
    expect(users.length).toBeGreaterThan(0);
  });

  test("a wing takes from sluice only what a name of its exports offers", () => {
    const offered = Object.keys(JSON.parse(read("package.json")).exports).map((key) =>
      key.replace(".", "sluice"),
    );
    for (const { name, imports } of wings) {
      const own = imports.filter((specifier) => specifier.startsWith("sluice"));
      expect(offered, name).toEqual(expect.arrayContaining(own));
    }
  });

  test("an index only re-exports, each thing by its name", () => {
    for (const { tree } of [...entries, sources.get("internal")!]) {
      for (const statement of tree.statements) {
        const where = `${tree.fileName}: ${statement.getText(tree)}`;
        expect(ts.isExportDeclaration(statement), where).toBe(true);
        const { exportClause, moduleSpecifier } = statement as ts.ExportDeclaration;
        expect(moduleSpecifier, where).toBeDefined();
        expect(exportClause && ts.isNamedExports(exportClause), where).toBe(true);
      }
    }
  });
});

describe("exec has one place", () => {
  test("only engine/execute.ts calls it", () => {
    const callers = all.filter(({ tree }) => [...nodesOf(tree)].some(isCallOfExec)).map(({ name }) => name);
    // A node of sluice/pocketflow counts its tries in a field, which is written between the two calls.
    expect(callers).toEqual(["engine/execute", "wings/pocketflow/wiring"]);
  });

  /** `x.exec(…)`, unless x is a regular expression or a constant, which no node is. `x.exec()` sends commands to Redis. */
  function isCallOfExec(node: ts.Node): boolean {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
    const { name, expression } = node.expression;
    const isPattern = ts.isRegularExpressionLiteral(expression) || /^[A-Z_]+$/.test(expression.getText());
    return name.text === "exec" && !isPattern && node.arguments.length > 0;
  }
});

describe("files and functions stay small", () => {
  test("no file has more than 250 lines", () => {
    const lines = new Map(all.map(({ name, tree }) => [name, tree.getLineStarts().length - 1]));
    for (const file of readdirSync(join(root, "src/view/page")).filter((file) => file.endsWith(".css"))) {
      lines.set(file, read(`src/view/page/${file}`).split("\n").length);
    }
    const long = [...lines].filter(([, count]) => count > 250);
    expect(long).toEqual([]);
  });

  test("no function has a cyclomatic complexity over 15", () => {
    const complex = all.flatMap(({ name: file, tree }) =>
      complexities(tree)
        .filter(({ complexity }) => complexity > 15)
        .map(({ name, line, complexity }) => `${file}:${line} ${name} ${complexity}`),
    );
    expect(complex).toEqual([]);
  });

  test("the complexity is counted by the branches of each function, nested ones by themselves", () => {
    const measure = (text: string) =>
      complexities(ts.createSourceFile("a.ts", text, ts.ScriptTarget.ES2022, true)).map(
        ({ name, complexity }) => `${name} ${complexity}`,
      );
    expect(measure("function none(a = 1) { return a?.b; }")).toEqual(["none 1"]);
    expect(measure("const f = (a) => { if (a && a.b || a.c) return a ?? 1; else return 2; };")).toEqual([
      "f 5",
    ]);
    expect(
      measure("class A { m(a) { for (const b of a) while (b) try { b(); } catch { a ||= 1; } finally {} } }"),
    ).toEqual(["m 5"]);
    expect(measure("function g(a) { switch (a) { case 1: case 2: return 1; default: return 2; } }")).toEqual([
      "g 3",
    ]);
    expect(measure("function outer(a) { return a ? 1 : [2].map((b) => (b ? 1 : 2)); }")).toEqual([
      "a callback 2",
      "outer 2",
    ]);
  });
});

describe("habits", () => {
  test("src/ writes to the console in warn() alone, and hides with #private only", () => {
    const wrong: string[] = [];
    // The names and the warnings of sluice/pocketflow are PocketFlow's.
    for (const { name, tree } of all.filter(({ room }) => room !== "wings/pocketflow")) {
      for (const node of nodesOf(tree)) {
        const text = node.getText(tree).slice(0, 60);
        if (ts.isPropertyAccessExpression(node)) {
          const isWarn = name === "base/warnings" && text === "console?.warn";
          if (node.expression.getText(tree) === "console" && !isWarn) wrong.push(`${name}: ${text}`);
          if (/^_/.test(node.name.text)) wrong.push(`${name}: ${text}`);
        }
        if (ts.isClassElement(node)) {
          const hidden = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined;
          const isPrivate = hidden?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
          if (isPrivate && !ts.isConstructorDeclaration(node)) wrong.push(`${name}: ${text}`);
          if (/^_/.test(node.name?.getText(tree) ?? "")) wrong.push(`${name}: ${text}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("no value is checked by `instanceof` of a built-in class, which fails for a value of another realm", () => {
    // The command and a thread have one realm each.
    const files = all.filter(({ name, room }) => room !== "cli" && !/thread$|^base\/realms$/.test(name));
    const wrong = files.flatMap(({ name, tree }) =>
      [...nodesOf(tree)]
        .filter(ts.isBinaryExpression)
        .filter(({ operatorToken }) => operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword)
        .filter(({ right }) => ts.isIdentifier(right) && right.text in globalThis)
        .map((node) => `${name}: ${node.getText()}`),
    );
    expect(wrong).toEqual([]);
  });

  /** `name` in `x.name`. */
  const isMemberName = (node: ts.Node) =>
    ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;

  test("no class that an index exports refers to itself: bundlers would give it another name", () => {
    const exported = [...entries, sources.get("internal")!].flatMap(reexportedBy);
    const wrong = exported
      .filter(({ isType }) => !isType)
      .flatMap(({ file, name }) =>
        (exportedBy(file).get(name) ?? []).filter(ts.isClassDeclaration).flatMap(({ members }) =>
          members
            .flatMap((member) => [...nodesOf(member)])
            .filter((node) => ts.isIdentifier(node) && node.text === name)
            .filter((node) => ts.isExpression(node.parent) && !isMemberName(node))
            .map(({ parent }) => `${file.name}: ${parent.getText()}`),
        ),
      );
    expect(wrong).toEqual([]);
  });

  test("a file of src/ opens by saying what it is for", () => {
    for (const { name, tree } of all) expect(tree.text, name).toMatch(/^("use strict";\n)?(\/\/|\/\*\*)/);
  });

  /** What a doc comment says before its first tag. */
  const descriptionOf = (node: ts.Node): string =>
    ts
      .getJSDocCommentsAndTags(node)
      .map((doc) => (ts.isJSDoc(doc) ? (ts.getTextOfJSDocComment(doc.comment) ?? "") : ""))
      .join("");

  test("everything that an index exports has a description, and so has the index", () => {
    const bare = entries.flatMap((entry) =>
      reexportedBy(entry)
        .filter(({ file, name }) => {
          const statements = exportedBy(file).get(name);
          if (statements === undefined) throw new Error(`${file.name} does not export ${name} itself`);
          return !statements.some((statement) => descriptionOf(statement).length > 10);
        })
        .map(({ file, name }) => `${file.name}: ${name}`),
    );
    expect(bare).toEqual([]);
    const names = entries.map(
      ({ tree }) => /^\/\*\*\n \* \S.{10,}\n \*\n \* @module (\S+)\n/.exec(tree.text)?.[1],
    );
    const own = entries.map(
      ({ name }) => name.replace(/^wings/, "sluice").replace(/\/?index$/, "") || "sluice",
    );
    expect(names).toEqual(own);
  });
});

interface Lockfile {
  packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
}

// That every recipe is in the table of the cookbook is tested in cookbook.test.ts.
describe("lists that are kept in two places agree", () => {
  test("the runtime dependencies are the three, and nothing runs at install", () => {
    const manifest = JSON.parse(read("package.json"));
    expect(Object.keys(manifest.dependencies)).toEqual(["bottleneck", "eventemitter3", "p-limit"]);
    expect(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
  });

  const lockfiles = ["package-lock.json", "site/package-lock.json"];

  test.each(lockfiles)("%s names no host, so that any registry or mirror serves it", (lockfile) => {
    const { packages } = JSON.parse(read(lockfile)) as Lockfile;
    const resolved = Object.values(packages).flatMap((entry) => entry.resolved ?? []);
    expect(resolved.filter((target) => target.includes(":"))).toEqual([]);
  });

  test.each(lockfiles)(
    "%s has the packages of every platform; node .ci/lock-platforms.mjs adds them",
    (lockfile) => {
      const { packages } = JSON.parse(read(lockfile)) as Lockfile;
      const wanted = Object.values(packages).flatMap((entry) =>
        Object.keys(entry.optionalDependencies ?? {}),
      );
      const locked = new Set(Object.keys(packages).map((path) => path.split("node_modules/").at(-1)));
      expect(wanted.filter((name) => !locked.has(name))).toEqual([]);
    },
  );

  const headings = (page: string) =>
    [...read(page).matchAll(/^##+ `?([A-Z][A-Z_]+)`?\s*$/gm)].map((match) => match[1] as string).sort();

  /** A row with a code, its link, and two cells that say something. */
  const ROW = /^\| \[`([A-Z_]+)`\]\(\.\.\/reference\/(\w+)\.md#(\w+)\) \| [^|]{8,} \| [^|]{7,} \|$/gm;

  /** The codes that a wing adds to the interface of the core. */
  const codesOf = (wing: Source): string[] =>
    wing.tree.statements
      .filter(ts.isModuleDeclaration)
      .flatMap(({ body }) => (body as ts.ModuleBlock).statements)
      .filter(ts.isInterfaceDeclaration)
      .filter(({ name }) => name.text === "ErrorCodes")
      .flatMap(({ members }) => members.map(({ name }) => (name as ts.Identifier).text));
  const wingCodes = new Map(
    wings.filter(({ name }) => name.endsWith("/error-codes")).map((wing) => [wing.room, codesOf(wing)]),
  );

  test("every error code has its heading in docs/reference/errors.md, and every heading its code", () => {
    const codes = new Set<string>([...errorCodes, ...[...wingCodes.values()].flat()]);
    expect(headings("docs/reference/errors.md")).toEqual([...codes].sort());
  });

  test("docs/guide/troubleshooting.md has a cause and a remedy for each error and each warning, once", () => {
    const rows = [...read("docs/guide/troubleshooting.md").matchAll(ROW)];
    const pages = ["errors", "warnings"].map((name) => `docs/reference/${name}.md`);
    expect(rows.map(([, code]) => code).sort()).toEqual(pages.flatMap(headings).sort());
    const wrong = rows.filter(([, code, page, hash]) => {
      return hash !== code?.toLowerCase() || page !== (code?.startsWith("SLUICE_") ? "warnings" : "errors");
    });
    expect(wrong.map(([row]) => row)).toEqual([]);
  });

  test("the core throws the codes of the core, and a wing those and its own; none is declared in vain", () => {
    const thrown = (files: Source[]) =>
      new Set(
        files
          .flatMap(({ tree }) => [...nodesOf(tree)])
          .filter((node) => ts.isNewExpression(node) || ts.isCallExpression(node))
          .filter(({ expression }) => /Error$|^super$/.test(expression.getText()))
          .map(({ arguments: given }) => given?.[0])
          .filter((code) => code !== undefined && ts.isStringLiteral(code))
          .map((code) => (code as ts.StringLiteral).text)
          .filter((text) => /^[A-Z]+(_[A-Z]+)+$|^(TIMEOUT|UNLOADABLE|SUSPENDED|INTERRUPTED)$/.test(text)),
      );
    expect([...thrown(all.filter(inCore))].sort()).toEqual([...errorCodes].sort());
    const shared = thrown(wings.filter(({ room }) => room === "wings/shared"));
    for (const room of new Set(wings.map((wing) => wing.room))) {
      const own = wingCodes.get(room) ?? [];
      const found = thrown(wings.filter((wing) => wing.room === room));
      if (room !== "wings/shared")
        expect([...errorCodes, ...own], room).toEqual(expect.arrayContaining([...found]));
      expect([...found, ...shared], room).toEqual(expect.arrayContaining(own));
    }
  });

  test("every key that builds share is in the table of base/keys.ts, with its protocol number", () => {
    const used = all.flatMap(({ name, tree }) =>
      [...nodesOf(tree)]
        .filter(ts.isCallExpression)
        .filter(({ expression }) => expression.getText() === "Symbol.for")
        .map(({ arguments: [key] }) => [name, (key as ts.StringLiteral).text] as const),
    );
    const table = used.filter(([name]) => name === "base/keys").map(([, key]) => key);
    expect(table.filter((key) => !/^sluice\/[1-9]\d*\.\w+$/.test(key))).toEqual([]);
    expect(new Set(table).size).toBe(table.length);
    // A thread loads its side by itself and repeats the one key that it needs.
    const elsewhere = used.filter(([name]) => name !== "base/keys");
    expect(elsewhere.map(([name]) => name)).toEqual(["wings/threads/thread"]);
    expect(table).toEqual(expect.arrayContaining(elsewhere.map(([, key]) => key)));
  });

  test("every code of a warning has its heading in docs/reference/warnings.md, and every heading its code", () => {
    const codes = all
      .filter((source) => inCore(source) || wings.includes(source))
      .flatMap(({ tree }) => [...nodesOf(tree)])
      .filter(ts.isStringLiteral)
      .map(({ text }) => text)
      .filter((text) => text.startsWith("SLUICE_"));
    expect(headings("docs/reference/warnings.md")).toEqual([...new Set(codes)].sort());
  });
});
