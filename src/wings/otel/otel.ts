// An `around` hook that creates OpenTelemetry spans.
import type { Attributes, AttributeValue, Context, Span as OtelSpan, Tracer } from "@opentelemetry/api";
import type { Around, Span } from "sluice";
import {
  aBoolean,
  aFunction,
  checkOptions,
  isError,
  isObject,
  isThenable,
  OTEL_SPAN,
  type Rule,
} from "sluice/internal";
import "./error-codes.js";
import { missingPeer } from "../shared/missing-peer.js";

/** The options of {@link otel}. */
export interface OtelOptions {
  /** The tracer of the spans. @default the tracer `sluice` of the global provider */
  readonly tracer?: Tracer | undefined;
  /**
   * Whether to record the inputs and results of items and attempts, including prompts and answers: as JSON in
   * `sluice.input` and `sluice.output`, with at most 8,192 characters each.
   *
   * @default false
   */
  readonly content?: boolean | undefined;
  /** More attributes for a span, such as `gen_ai.request.model` for the attempts of a node that calls a model. */
  readonly attributes?: ((span: Span) => Attributes) | undefined;
}

const rules: Record<string, Rule> = {
  tracer: {
    expected: "a tracer of OpenTelemetry",
    accepts: (value) => isObject(value) && "startSpan" in value,
  },
  content: aBoolean,
  attributes: aFunction,
};

/** The maximum of characters of an input or a result. */
const MOST = 8_192;

/** An attribute of OpenTelemetry's GenAI conventions, which are still in development. */
const OPERATION = "gen_ai.operation.name";
const WORKFLOW = "gen_ai.workflow.name";
const INVOKE_WORKFLOW = "invoke_workflow";

type Api = typeof import("@opentelemetry/api");

/**
 * Creates an `around` hook that creates a span for each run, step, item and attempt, as a child of the outer span, also
 * across parallel items; spans created in `exec` are children of its attempt. One hook serves any number of runs.
 * Failures are recorded as exceptions, with `error.type`.
 *
 * Spans are called `invoke_workflow <flow>`, `step <node>`, `item <node>` and `attempt <node>`, and have the attributes
 * `sluice.run.id`, `sluice.path`, `sluice.index`, `sluice.attempt`, `sluice.action` and `sluice.aborted` where they
 * apply. Prompts and answers are recorded only with `content`; messages of errors always are.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`; at the first span `MISSING_PEER` without the package
 * `@opentelemetry/api`.
 * @example
 * ```ts
 * import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
 * import { Flow, node } from "sluice";
 * import { otel } from "sluice/otel";
 *
 * const exporter = new InMemorySpanExporter();
 * const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
 *
 * const around = otel({ tracer: provider.getTracer("app") });
 * await new Flow(node({ name: "Greet", exec: () => "hello" }), { name: "Main" }).run({}, { around });
 * exporter.getFinishedSpans().map(({ name }) => name); // => ["attempt Greet", "step Greet", "invoke_workflow Main"]
 * ```
 */
export function otel(options: OtelOptions = {}): Around {
  checkOptions("otel()", options, rules);
  const { content = false, attributes } = options;
  /** The contexts of open spans, for child spans without a context manager. */
  const contexts = new Map<string, Context>();
  let loading: Promise<Api> | undefined;
  let api: Api | undefined;

  /** Returns the result of `next()` itself, so that it adds no wait to the run. */
  const record = ({ context, trace, SpanStatusCode }: Api, span: Span, next: () => unknown): unknown => {
    const tracer = options.tracer ?? trace.getTracer("sluice");
    const around = parentOf(span, context.active(), contexts);
    const made = tracer.startSpan(
      nameOf(span),
      { attributes: { ...attributesOf(span, content), ...more(attributes, span) } },
      around,
    );
    const own = keyOf(span.runId, span.id);
    const inside = trace.setSpan(around, made).setValue(OTEL_SPAN, own);
    contexts.set(own, inside);
    const end = () => {
      contexts.delete(own);
      made.end(span.ended); // the span's own clock would be read after the next step has begun
    };
    const done = (result: unknown) => {
      made.setAttributes(outcomeOf(span, result, content));
      end();
    };
    const failed = (error: unknown) => {
      fail(made, error);
      made.setStatus({ code: SpanStatusCode.ERROR, message: textOf(error) });
      if (span.aborted) made.setAttribute("sluice.aborted", true);
      end();
    };
    let result: unknown;
    try {
      result = context.with(inside, next);
    } catch (error) {
      failed(error);
      throw error;
    }
    if (isThenable(result)) void result.then(done, failed);
    else done(result);
    return result;
  };

  return (span, next) => {
    if (api !== undefined) return record(api, span, next);
    loading ??= load();
    return loading.then((loaded) => {
      api = loaded;
      return record(loaded, span, next);
    });
  };
}

const keyOf = (runId: string, id: number) => `${id} ${runId}`;

async function load(): Promise<Api> {
  return await import("@opentelemetry/api").catch((error) => {
    throw missingPeer("sluice/otel", "@opentelemetry/api", error);
  });
}

/** The active context, if it belongs to the parent or one of its children; otherwise the parent's context. */
function parentOf({ runId, parent }: Span, active: Context, contexts: ReadonlyMap<string, Context>): Context {
  if (parent === undefined) return active;
  const key = keyOf(runId, parent);
  return active.getValue(OTEL_SPAN) === key ? active : (contexts.get(key) ?? active);
}

const nameOf = ({ kind, name }: Span) => `${kind === "run" ? INVOKE_WORKFLOW : kind} ${name}`;

function attributesOf(
  { kind, name, runId, path, index, attempt, input }: Span,
  content: boolean,
): Attributes {
  return {
    "sluice.run.id": runId,
    "sluice.path": path.join("/"),
    ...(kind === "run" ? { [OPERATION]: INVOKE_WORKFLOW, [WORKFLOW]: name } : {}),
    ...(index === undefined ? {} : { "sluice.index": index }),
    ...(attempt === undefined ? {} : { "sluice.attempt": attempt }),
    ...(content && input !== undefined ? { "sluice.input": json(input) } : {}),
  };
}

function outcomeOf({ kind, aborted }: Span, result: unknown, content: boolean): Attributes {
  const isAction = kind === "run" || kind === "step";
  return {
    ...(isAction && typeof result === "string" ? { "sluice.action": result } : {}),
    ...(content && !isAction && result !== undefined ? { "sluice.output": json(result) } : {}),
    ...(aborted ? { "sluice.aborted": true } : {}),
  };
}

/** Calls `attributes`, whose errors must not affect the run. */
function more(attributes: OtelOptions["attributes"], span: Span): Attributes {
  try {
    return attributes?.(span) ?? {};
  } catch (error) {
    return { "sluice.attributes.error": textOf(error) };
  }
}

/** Records a failure. Any value can be thrown, even one that throws when it is read. */
function fail(span: OtelSpan, error: unknown): void {
  try {
    const { code, name } = error as { code?: unknown; name?: unknown };
    span.setAttribute(
      "error.type",
      [code, name, "_OTHER"].find((each) => typeof each === "string") as string,
    );
    span.recordException(isError(error) ? error : textOf(error));
  } catch {
    span.setAttribute("error.type", "_OTHER");
  }
}

function textOf(error: unknown): string {
  try {
    return isError(error) ? error.message : String(error);
  } catch {
    return "an error that cannot be read";
  }
}

function json(value: unknown): AttributeValue {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, MOST);
  } catch (error) {
    return `(${textOf(error)})`;
  }
}
