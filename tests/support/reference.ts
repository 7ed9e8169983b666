// PocketFlow's semantics, said as plainly as possible: what sluice is compared with. At most 40 lines of code.

export type Context = { params: object; index: number | undefined; attempt: number };
type Work = (ctx: Context) => unknown;
export interface Step {
  kind: "node" | "batch" | "flow" | "batchFlow";
  prep(shared: object, ctx: Context): unknown;
  exec(input: unknown, ctx: Context): unknown;
  execFallback(input: unknown, error: unknown, ctx: Context): unknown;
  post(shared: object, prepared: unknown, result: unknown, ctx: Context): unknown;
  attempts: number;
  collect: boolean;
  params: object | undefined;
  start: Step | undefined;
  links: Map<unknown, Step>;
}

export async function walk(start: Step, shared: object, params: object, index?: number): Promise<unknown> {
  let action: unknown;
  for (let step: Step | undefined = start; step; step = step.links.get(action || "default")) {
    action = await take(step, shared, params, index);
  }
  return action;
}

async function take(step: Step, shared: object, params: object, index?: number): Promise<unknown> {
  const prepared = await step.prep(shared, { params, index, attempt: 0 });
  const inside = (more: unknown, i?: number) =>
    walk(step.start as Step, shared, { ...params, ...step.params, ...(more as object) }, i);
  let result: unknown;
  if (step.kind === "node")
    result = await tried(step, prepared, params, index, (ctx) => step.exec(prepared, ctx));
  else if (step.kind === "flow") result = await tried(step, prepared, params, index, () => inside({}, index));
  else {
    const results: unknown[] = (result = []);
    for await (const item of (prepared ?? []) as Iterable<unknown>) {
      const i = results.length;
      const work: Work = (ctx) => (step.kind === "batch" ? step.exec(item, ctx) : inside(item, i));
      try {
        results.push(await tried(step, item, params, i, work));
      } catch (error) {
        if (!step.collect) throw error;
        results.push({ index: i, item, error, attempts: step.attempts });
      }
    }
  }
  return step.post(shared, prepared, result, { params, index, attempt: 0 });
}

async function tried(step: Step, input: unknown, params: object, index: number | undefined, work: Work) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work({ params, index, attempt });
    } catch (error) {
      if (attempt + 1 < step.attempts) continue;
      return await step.execFallback(input, error, { params, index, attempt });
    }
  }
}
