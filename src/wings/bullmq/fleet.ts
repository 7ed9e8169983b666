// Fleet: an executor whose calls run on the workers of a BullMQ queue.
import type { JobsOptions, Queue } from "bullmq";
import type { Redis } from "ioredis";
import { Executor, type ExecutorAnswer, type ExecutorCall, type Flow, SluiceError } from "sluice";
import {
  aCount,
  aString,
  checkOptions,
  invalidOption,
  isObject,
  NODE,
  type OpenCall,
  quote,
  type Step,
  WALK,
} from "sluice/internal";
import "./error-codes.js";
import { graphOf } from "../shared/graph.js";
import { missingPeer } from "../shared/missing-peer.js";
import { type Connection, checkFit, connect } from "./connection.js";
import { Dispatcher } from "./dispatcher.js";
import { cardOf } from "./flow-card.js";
import { type Chunk, ORPHAN_AGE } from "./protocol.js";
import { LOCK } from "./taken-chunk.js";
import { FleetWorker } from "./worker.js";

/** The options of a {@link Fleet}. */
export interface FleetOptions {
  /** Where Redis is: `redis://…`, or the options of ioredis. */
  readonly connection: Connection;
  /** The name of the queue: fleets and workers with the same name work together. */
  readonly queue: string;
}

/** The options of {@link Fleet.work}. */
export interface FleetWorkerOptions {
  /** The largest number of concurrent calls. @default 16 */
  readonly concurrency?: number | undefined;
  /** The name of this machine for `locate()`. @default its host name and the process id */
  readonly machine?: string | undefined;
}

const CONNECTION = 'a URL, "redis://…", or the options of ioredis';
const rules = {
  connection: { expected: CONNECTION, accepts: () => true },
  queue: {
    expected: "a name without `:`",
    accepts: (value: unknown) => typeof value === "string" && value !== "" && !value.includes(":"),
  },
};
const workRules = { concurrency: aCount, machine: aString };

/**
 * An executor on many machines: the calls of its nodes run on the workers of a BullMQ queue, over Redis.
 *
 * The same class creates workers: {@link work} takes calls for the same flow.
 *
 * @example
 * ```ts sketch
 * import { Fleet } from "sluice/bullmq";
 *
 * const fleet = new Fleet({ connection: "redis://127.0.0.1:6379", queue: "summaries" });
 * await createFlow({ executor: fleet }).run(shared); // where the flow runs
 * await fleet.close();
 *
 * const worker = await fleet.work(createFlow({})); // on the other machines
 * ```
 */
export class Fleet extends Executor {
  override readonly remote = true;
  readonly #connection: Connection;
  readonly #queue: string;
  readonly #workers = new Set<FleetWorker>();
  #dispatcher: Promise<Dispatcher> | undefined;
  #closed: Promise<void> | undefined;

  /** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. Nothing is connected before the first call. */
  constructor(options: FleetOptions) {
    super();
    checkOptions("Fleet", options, rules);
    const { connection, queue }: Partial<FleetOptions> = options ?? {};
    if (typeof connection === "string" ? !/^rediss?:\/\//.test(connection) : !isObject(connection)) {
      // A URL may have a password.
      const shown = typeof connection === "string" ? connection.replace(/^([\w+]*).*$/s, "$1…") : connection;
      throw invalidOption("Fleet", "connection", CONNECTION, shown);
    }
    if (queue === undefined) throw invalidOption("Fleet", "queue", rules.queue.expected, queue);
    this.#connection = connection;
    this.#queue = queue;
  }

  /** The fleets that are executors of nodes of a flow. */
  static of(flow: Flow<never>): Fleet[] {
    const { places } = graphOf(flow as unknown as Step);
    const executors = [...places.values()].map((node) => node[NODE].settings.executor);
    return [...new Set(executors)].filter((each) => each !== undefined && "work" in each) as Fleet[];
  }

  /** The name of its queue. */
  get queue(): string {
    return this.#queue;
  }

  override async execute(call: ExecutorCall): Promise<ExecutorAnswer> {
    this.#checkOpen();
    this.#dispatcher ??= this.#dispatch().catch((error) => {
      this.#dispatcher = undefined;
      throw error;
    });
    return (await this.#dispatcher).execute(call as OpenCall);
  }

  /**
   * Takes calls of a flow's nodes until the worker is closed.
   *
   * @param flows - One flow or several, with the same nodes, names, links and `version` as in the process that runs
   * them. Their executors and journals are ignored.
   * @throws SluiceError `REDIS_UNREACHABLE`, `REDIS_UNFIT`, `AMBIGUOUS_NAME`, `MISSING_PEER`, `INVALID_OPTION`.
   */
  async work(
    flows: Flow<never> | readonly Flow<never>[],
    options?: FleetWorkerOptions,
  ): Promise<FleetWorker> {
    this.#checkOpen();
    checkOptions("fleet.work()", options, workRules);
    const list: readonly unknown[] = Array.isArray(flows) ? flows : [flows];
    const isFlow = (value: unknown): value is object => isObject(value) && WALK in value;
    if (list.length === 0 || !list.every(isFlow)) {
      throw invalidOption("fleet.work()", "flows", "a flow, or a list of flows", flows);
    }
    const cards = list.map(cardOf);
    const redis = await this.#connect();
    const subscriber = await connect(this.#connection);
    const pulling = await connect(this.#connection);
    const { Worker } = await importBullmq();
    const jobs = new Worker<Chunk>(this.#queue, null, {
      connection: pulling as never,
      autorun: false,
      lockDuration: LOCK,
      stalledInterval: 2_000,
      // Calls that kill workers are found by counting the tries of each call.
      maxStalledCount: 1_000,
      drainDelay: 1,
    });
    jobs.on("error", () => {}); // of a connection that reconnects
    const { concurrency = 16, machine } = options ?? {};
    const disconnect = () => {
      for (const each of [redis, subscriber, pulling]) each.disconnect();
    };
    const parts = { queue: this.#queue, redis, subscriber, jobs, disconnect, cards, concurrency, machine };
    const worker = await new FleetWorker(parts).start();
    this.#workers.add(worker);
    return worker;
  }

  /** Closes its workers and its connections when the running calls have ended. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([...this.#workers].map((worker) => worker.close()));
      await (await this.#dispatcher)?.close();
    })();
    return this.#closed;
  }

  /** Closes it at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#closed === undefined) return;
    throw new SluiceError(
      "FLEET_CLOSED",
      `The fleet of the queue ${quote(this.#queue)} is closed; close it last`,
    );
  }

  async #connect(): Promise<Redis> {
    const redis = await connect(this.#connection);
    try {
      await checkFit(redis, this.#connection);
      return redis;
    } catch (error) {
      redis.disconnect();
      throw error;
    }
  }

  async #dispatch(): Promise<Dispatcher> {
    const redis = await this.#connect();
    const subscriber = await connect(this.#connection);
    const { Queue } = await importBullmq();
    const age = { age: ORPHAN_AGE / 1_000 };
    const defaultJobOptions: JobsOptions = { removeOnComplete: age, removeOnFail: age, attempts: 1 };
    const queue: Queue<Chunk> = new Queue<Chunk>(this.#queue, {
      connection: redis as never,
      defaultJobOptions,
    });
    queue.on("error", () => {}); // of a connection that reconnects
    return new Dispatcher(this.#queue, redis, subscriber, queue).start();
  }
}

const importBullmq = () =>
  import("bullmq").catch((error) => {
    throw missingPeer("sluice/bullmq", "bullmq", error);
  });
