// Builds SQL from the question and the schema by rules. Like a model it first uses the words of the question as
// columns, and corrects them after errors of the database.
import type { Answer } from "./serve.js";

export const answer: Answer = ({ messages }) => {
  const text = messages[0]?.text ?? "";
  const { schema, question, refused } = JSON.parse(text.slice(text.indexOf("\n\n")));
  const errors = (refused as { error: string }[]).map(({ error }) => error).join("\n");
  const written = writeSql(schema, question.toLowerCase(), errors);
  const [, reason = ""] = /^CANNOT: (.+)/.exec(written) ?? [];
  return { json: { sql: reason ? "" : written, reason } };
};

interface Column {
  readonly table: string;
  readonly name: string;
  /** The table that it points to. */
  readonly to?: string | undefined;
}

/** Writes a query; `errors` has the errors of earlier queries. */
function writeSql(schema: string, question: string, errors: string): string {
  const columns = columnsOf(schema);
  const tables = [...new Set(columns.map(({ table }) => table))];
  const used = new Set<string>();

  const named = (word: string) => columns.find(({ name }) => singular(name) === singular(word));
  const tableOf = (word = "") => tables.find((table) => singular(table) === singular(word));
  /** Writes a column, with its table once the database has called it ambiguous. */
  const use = ({ table, name }: Column) => {
    used.add(table);
    return errors.includes(`ambiguous column name: ${name}`) ? `${table}.${name}` : name;
  };
  /** Uses a word of the question as a column, until the database rejects it. */
  const measure = (word: string): string | undefined => {
    if (!errors.includes(`no such column: ${word}`)) return word;
    const quantity = named("quantity");
    const price = columns.find(({ table, name }) => table === quantity?.table && name.includes("price"));
    if (word === "revenue" && quantity && price) return `${use(quantity)} * ${use(price)}`;
    const similar = columns.find(({ name }) => name.includes(word));
    return similar && use(similar);
  };

  const subject = question.match(/\w+/g)?.map(tableOf).find(Boolean);
  if (/\b(delete|remove|drop)\b/.test(question)) {
    if (errors !== "" || !subject) return "CANNOT: it would change the data, and I can only ask for it";
    return `DELETE FROM ${subject}`;
  }

  const counted = /\bhow many (.+)/.exec(question)?.[1]?.split(/\W+/).map(tableOf).find(Boolean);
  const [, averaged] = /\baverage (\w+)/.exec(question) ?? [];
  let value: string | undefined;
  if (counted) {
    used.add(counted);
    value = "COUNT(*)";
  } else if (averaged) {
    const mean = measure(averaged);
    value = mean && `ROUND(AVG(${mean}), 2)`;
  } else if (/\brevenue\b/.test(question)) {
    const sum = measure("revenue");
    value = sum && `SUM(${sum})`;
  }
  if (!value) return "CANNOT: nothing in the schema is about that";

  const [, top, best] = /\btop (\d+) (\w+)/.exec(question) ?? [];
  const each = best ?? /\b(?:per|each) (\w+)/.exec(question)?.[1];
  const label = each && (named(each) ?? columns.find((c) => c.table === tableOf(each) && c.name === "name"));
  const conditions = [
    /\bin ((?:19|20)\d\d)\b/
      .exec(question)
      ?.slice(1)
      .flatMap((year) => {
        const day = columns.find(({ name }) => /_(on|at)$|date/.test(name));
        return day ? `strftime('%Y', ${use(day)}) = '${year}'` : [];
      }),
    kindsOf(schema)
      .filter(({ kind }) => new RegExp(`\\b${kind}\\b`, "i").test(question))
      .map((column) => `${use(column)} = '${column.kind}'`),
  ].flatMap((list) => list ?? []);

  const name = label && use(label);
  if (used.size === 0 && subject) used.add(subject);
  const lines = [`SELECT ${name ? `${name}, ` : ""}${value} AS result`, `FROM ${join([...used], columns)}`];
  if (conditions.length > 0) lines.push(`WHERE ${conditions.join(" AND ")}`);
  if (name) lines.push(`GROUP BY ${name}`, `ORDER BY result DESC${top ? ` LIMIT ${top}` : ""}`);
  return lines.join("\n");
}

/** Joins tables along their foreign keys, through other tables if necessary. */
function join([first = "", ...others]: readonly string[], columns: readonly Column[]): string {
  const joined = [first];
  const clauses = [first];
  const link = (a: string, b: string) =>
    columns.find(({ table, to }) => (table === a && to === b) || (table === b && to === a));
  for (const target of others) {
    const paths = joined.map((table) => [table]);
    for (const path of paths) {
      const last = path.at(-1) as string;
      if (last === target) {
        for (const [at, table] of path.entries()) {
          const column = at > 0 && !joined.includes(table) && link(path[at - 1] as string, table);
          if (!column) continue;
          clauses.push(`JOIN ${table} ON ${column.table}.${column.name} = ${column.to}.id`);
          joined.push(table);
        }
        break;
      }
      const next = new Set(columns.map(({ table }) => table).filter((table) => link(last, table)));
      for (const table of next) if (!path.includes(table)) paths.push([...path, table]);
    }
  }
  return clauses.join(" ");
}

/** Reads the columns out of CREATE TABLE statements that have one on each line. */
function columnsOf(schema: string): Column[] {
  return [...schema.matchAll(/CREATE TABLE (\w+) \((.+?)\n\)/gs)].flatMap(([, table = "", body = ""]) =>
    [...body.matchAll(/^\s*(\w+) [A-Z]+.*?(?:REFERENCES (\w+).*)?$/gm)].map(([, name = "", to]) => ({
      table,
      name,
      to,
    })),
  );
}

/** Reads the known values of columns. */
function kindsOf(schema: string): (Column & { kind: string })[] {
  return [...schema.matchAll(/^-- (\w+)\.(\w+): (.+)$/gm)].flatMap(([, table = "", name = "", kinds = ""]) =>
    kinds.split(", ").map((kind) => ({ table, name, kind: kind.slice(1, -1) })),
  );
}

const singular = (word: string) => word.toLowerCase().replace(/ies$/, "y").replace(/s$/, "");
