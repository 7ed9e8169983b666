// The form of an answer: which fields a schema gets, and what is read of them.
import { expect, test } from "vitest";
import { z } from "zod";
import { answerOf, type Field, fieldOf, type Written } from "../../src/view/model/answer-form.js";

const formOf = (schema: z.ZodType) => fieldOf(z.toJSONSchema(schema));
/** What fields are of, by their names. */
function kinds(field: Field): unknown {
  if (field.kind === "group")
    return Object.fromEntries(field.fields.map(([name, each]) => [name, kinds(each)]));
  if (field.kind === "variants") return field.variants.map((each) => [each.label, kinds(each)]);
  return field.isRequired ? field.kind : `${field.kind}?`;
}

test("each kind of value has a field, with its limits, title, note and default", () => {
  const schema = z.object({
    ok: z.boolean(),
    verdict: z.enum(["yes", "no"]).default("no"),
    why: z.string().max(40).meta({ title: "Reason", description: "In one line." }),
    text: z.string().optional(),
    mail: z.email().optional(),
    count: z.int().min(1).max(5),
    share: z.number().optional(),
    tags: z.array(z.string()).optional(),
    by: z.object({ name: z.string() }).optional(),
    kind: z.literal("review"),
  });
  const form = formOf(schema);
  expect(kinds(form)).toEqual({
    ok: "choice",
    verdict: "choice",
    why: "text",
    text: "text?",
    mail: "text?",
    count: "number",
    share: "number?",
    tags: "json?",
    by: { name: "text" },
    kind: "fixed",
  });
  const fields = new Map((form as Field & { kind: "group" }).fields);
  expect(fields.get("why")).toMatchObject({
    label: "Reason",
    note: "In one line.",
    isLong: false,
    limits: { maxlength: 40 },
  });
  expect(fields.get("text")).toMatchObject({ isLong: true, type: "text" });
  expect(fields.get("mail")).toMatchObject({ isLong: false, type: "email" });
  expect(fields.get("count")).toMatchObject({ isInteger: true, limits: { min: 1, max: 5 } });
  expect(fields.get("verdict")).toMatchObject({ initial: "1" });
  const written = {
    ok: "0",
    verdict: "1",
    why: "short",
    text: "",
    mail: "",
    count: "3",
    share: "",
    tags: '["a"]',
    by: { name: "" },
    kind: "",
  };
  const answer = answerOf(form, written);
  expect(answer).toEqual({ ok: true, verdict: "no", why: "short", count: 3, tags: ["a"], kind: "review" });
  expect(schema.safeParse(answer).success).toBe(true);
});

test("variants are named by their distinguishing field, and the chosen one is read", () => {
  const schema = z.discriminatedUnion("verdict", [
    z.object({ verdict: z.literal("approve") }),
    z.object({ verdict: z.literal("reject"), feedback: z.string().min(1) }),
  ]);
  const form = formOf(schema);
  expect(kinds(form)).toEqual([
    ["approve", { verdict: "fixed" }],
    ["reject", { verdict: "fixed", feedback: "text" }],
  ]);
  expect(answerOf(form, { at: 0, of: { verdict: "" } })).toEqual({ verdict: "approve" });
  const rejected = answerOf(form, { at: 1, of: { verdict: "", feedback: "too long" } });
  expect(rejected).toEqual({ verdict: "reject", feedback: "too long" });
  const orNothing = formOf(z.string().nullable());
  expect(kinds(fieldOf({ type: ["integer", "null"] }))).toEqual([
    ["integer", "number"],
    ["null", "fixed"],
  ]);
  expect(answerOf(orNothing, { at: 0, of: "text" })).toBe("text");
  expect(answerOf(orNothing, { at: 1, of: "" })).toBe(null);
});

test("an answer without a schema is JSON if it parses, else a text; other schemas take JSON alone", () => {
  for (const schema of [undefined, null, true, "text", []]) expect(kinds(fieldOf(schema))).toBe("any");
  const any = fieldOf(undefined);
  for (const [text, value] of [
    ["yes", "yes"],
    ["true", true],
    ['{ "ok": 1 }', { ok: 1 }],
    ['"true"', "true"],
  ] as const) {
    expect(answerOf(any, text)).toEqual(value);
  }
  const odd = [{}, { type: "array", items: {} }, { $ref: "#/$defs/a" }, { type: "object" }];
  for (const schema of odd) {
    expect(kinds(fieldOf(schema))).toBe("json");
    expect(() => answerOf(fieldOf(schema), "{ no")).toThrow(/^Answer: expected JSON \(/);
  }
});

test("a missing or non-numeric value is reported with the name of its field", () => {
  const form = formOf(z.object({ ok: z.boolean(), count: z.int() }));
  const read = (written: Written) => () => answerOf(form, written);
  expect(read({ ok: "", count: "1" })).toThrow("ok: expected a value, got nothing");
  expect(read({ ok: "0", count: " " })).toThrow("count: expected a value, got nothing");
  expect(read({ ok: "0", count: "1.5" })).toThrow("count: expected an integer, got 1.5");
  expect(read({ ok: "0", count: "one" })).toThrow("count: expected an integer, got one");
});
