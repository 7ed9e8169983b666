// A journal in PostgreSQL, for several processes. A run is claimed for 10 s at a time by the database's clock, and
// each write is fenced by the epoch of its claim.
import { randomUUID } from "node:crypto";
import { SluiceError } from "sluice";
import { describe } from "sluice/internal";
import type { Change, Claim, JournalDriver, NewRun, Settlement } from "../driver.js";
import { inUse, isRow, lost, thisProcess, unknown } from "./claims.js";
import { type Plan, planOf } from "./postgres-commit.js";
import {
  openPool,
  PostgresConnection,
  type PostgresPool,
  publicUrl,
  type Querying,
} from "./postgres-connection.js";
import { Renewals } from "./postgres-renewals.js";
import { RUN, runOf } from "./postgres-rows.js";
import { migrate } from "./postgres-schema.js";
import { OVER, PostgresTables } from "./postgres-tables.js";
import { toSafe } from "./safe-text.js";

/** SQL for the end of a claim: 10 s from now. */
const LATER = "clock_timestamp() + interval '10 s'";

/** A journal in one database. */
export class PostgresDriver extends PostgresTables implements JournalDriver {
  readonly name: string;
  readonly #renewals: Renewals;
  /**
   * The owner in claims, unique for this process and driver, so that it recognises its own claim after a lost reply.
   */
  readonly #owner = `${thisProcess()} ${randomUUID()}`;
  /** The epochs of the runs that this process owns or is about to claim. */
  readonly #claims = new Map<string, number | undefined>();
  #commits = 0;

  /** @throws SluiceError `JOURNAL_FAILED`, `JOURNAL_VERSION`, `MISSING_DRIVER`, `INVALID_OPTION`. */
  static async open(where: string | PostgresPool): Promise<PostgresDriver> {
    const isUrl = typeof where === "string";
    const name = isUrl ? publicUrl(where) : "in the given pool";
    const connection = new PostgresConnection(isUrl ? await openPool(where) : where, isUrl);
    try {
      await migrate(connection, name);
      connection.isPatient = true;
      return new PostgresDriver(name, connection);
    } catch (cause) {
      await connection.close();
      if (cause instanceof SluiceError) throw cause;
      const text = `The journal ${name} cannot be used: ${describe(cause)}`;
      throw new SluiceError("JOURNAL_FAILED", text, { cause });
    }
  }

  private constructor(name: string, connection: PostgresConnection) {
    super(connection);
    this.name = name;
    this.#renewals = new Renewals(connection, LATER);
  }

  async claim(id: string, create: NewRun | undefined): Promise<Claim> {
    if (this.#claims.has(id)) throw inUse(id);
    this.#claims.set(id, undefined);
    try {
      const claim = await this.connection.transaction((client) => this.#claim(client, id, create));
      this.#claims.set(id, claim.epoch);
      return claim;
    } catch (error) {
      this.#claims.delete(id);
      throw error;
    }
  }

  async #claim(client: Querying, id: string, create: NewRun | undefined): Promise<Claim> {
    const isNew = create !== undefined && (await this.#insert(client, id, create));
    const { rows } = await client.query(`SELECT ${RUN}, owner FROM sluice.runs WHERE id = $1 FOR UPDATE`, [
      toSafe(id),
    ]);
    const row = rows[0] as { readonly owner: string | null } | undefined;
    if (row === undefined) throw unknown(id);
    const run = runOf(row);
    if (run.isOwned && row.owner !== this.#owner) throw inUse(id);
    const claimed = await client.query(
      `UPDATE sluice.runs SET epoch = epoch + 1, owner = $2, owned_until = ${LATER}, last_commit = NULL,
         claims = claims + CASE WHEN state IN ${OVER} THEN 0 ELSE 1 END,
         state = CASE WHEN state IN ${OVER} THEN state ELSE 'running' END
       WHERE id = $1 RETURNING epoch`,
      [toSafe(id), this.#owner],
    );
    const { epoch } = claimed.rows[0] as { epoch: number };
    return { run: { ...run, isOwned: false, owner: null }, epoch, isNew };
  }

  async #insert(client: Querying, id: string, create: NewRun): Promise<boolean> {
    const { flow, version, graph, params, input } = create;
    const values = [id, flow, version, graph, params, input];
    const { rowCount } = await client.query(
      `INSERT INTO sluice.runs (id, flow, version, graph, params, input) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id) DO NOTHING`,
      values.map((value) => (value === null ? null : toSafe(value))),
    );
    return rowCount === 1;
  }

  async renew(id: string, epoch: number): Promise<boolean> {
    return this.#orForget(id, epoch, this.#renewals.renew(id, epoch));
  }

  #forget(id: string, epoch: number): void {
    if (this.#claims.get(id) === epoch) this.#claims.delete(id);
  }

  /** Forgets a run that was lost, so that it may be claimed again. */
  async #orForget<T>(id: string, epoch: number, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof SluiceError && error.code === "RUN_LOST") this.#forget(id, epoch);
      throw error;
    }
  }

  async settle(id: string, epoch: number, settlement: Settlement): Promise<boolean> {
    let hasEnded = true;
    try {
      hasEnded = await this.connection.transaction((client, isRepeated) =>
        this.#settle(client, id, epoch, settlement, isRepeated),
      );
      return hasEnded;
    } finally {
      // A claim that cannot be ended expires, and this process may claim the run again at once.
      if (hasEnded) this.#forget(id, epoch);
    }
  }

  async #settle(
    client: Querying,
    id: string,
    epoch: number,
    { state, action = null, error = null }: Settlement,
    isRepeated: boolean,
  ): Promise<boolean> {
    // Waits for concurrent answers, which share the row lock; the next statement sees their writes.
    const { rows } = await client.query(
      "SELECT n, owned_until IS NULL AS over FROM sluice.runs WHERE id = $1 AND epoch = $2 FOR UPDATE",
      [toSafe(id), epoch],
    );
    const run = rows[0] as { readonly n: string; readonly over: boolean } | undefined;
    if (run?.over && isRepeated) return true;
    if (run === undefined || run.over) throw lost(id);
    if (state === "suspended") {
      const unseen = await client.query(
        "SELECT FROM sluice.questions WHERE run = $1 AND answer IS NOT NULL AND NOT is_taken LIMIT 1",
        [run.n],
      );
      if (unseen.rowCount !== 0) return false;
    }
    await client.query(
      `UPDATE sluice.runs SET state = CASE state WHEN 'cancelled' THEN state ELSE $2 END, action = $3, error = $4,
         updated_at = clock_timestamp(), owner = NULL, owned_until = NULL WHERE n = $1`,
      [run.n, state, action && toSafe(action), error && toSafe(error)],
    );
    return true;
  }

  commit(id: string, epoch: number, changes: readonly Change[], durable: boolean): Promise<void> {
    return this.#orForget(id, epoch, this.#commit(id, epoch, changes, durable));
  }

  async #commit(id: string, epoch: number, changes: readonly Change[], durable: boolean): Promise<void> {
    const plan = planOf(changes);
    const commit = `${this.#owner} ${++this.#commits}`;
    const { steps = null, calls = null, tokens = null } = plan.progress ?? {};
    const fence = [toSafe(id), epoch, commit, steps, calls, tokens, changes.some(isRow)];
    const isMade = async (client: Querying) => {
      const sql = "SELECT FROM sluice.runs WHERE id = $1 AND epoch = $2 AND last_commit = $3";
      return (await client.query(sql, fence.slice(0, 3))).rowCount === 1;
    };
    if (plan.isApart && !durable) {
      return this.connection.retry(async (isRepeated) => {
        if (isRepeated && (await isMade(this.connection))) return;
        await this.#commitAtOnce(id, plan, fence);
      });
    }
    await this.connection.transaction(async (client, isRepeated) => {
      if (isRepeated && (await isMade(client))) return;
      if (durable) await client.query("SET LOCAL synchronous_commit = on");
      const { rows } = await client.query(FENCE, fence);
      const run = rows[0] as { readonly n: string } | undefined;
      if (run === undefined) throw lost(id);
      for (const { text, values } of plan.statements) {
        const sql = `WITH fence AS (SELECT $1::bigint AS n) ${text((index) => `$${index + 1}`)}`;
        await client.query(sql, [run.n, ...values]);
      }
    });
  }

  /** Commits in one statement, so in one round trip: a quarter of the time of a small commit. */
  async #commitAtOnce(id: string, plan: Plan, fence: readonly unknown[]): Promise<void> {
    const values = [...fence];
    const parts = plan.statements.map((statement, at) => {
      const before = values.length;
      values.push(...statement.values);
      return `, part${at} AS (${statement.text((index) => `$${before + index}`)})`;
    });
    const sql = `WITH fence AS (${FENCE})${parts.join("")} SELECT n FROM fence`;
    if ((await this.connection.once(sql, values)).rowCount === 0) throw lost(id);
  }

  sweep(id: string, key: string, limit: number): Promise<boolean> {
    return this.sweepAs(this.#owner, id, key, limit);
  }
}

/** Locks the run's row, so that a takeover waits, and renews the claim. */
const FENCE = `
  UPDATE sluice.runs SET updated_at = clock_timestamp(), owned_until = ${LATER}, last_commit = $3,
    claims = CASE WHEN $7::boolean THEN 0 ELSE claims END,
    steps = coalesce($4::float8, steps), calls = coalesce($5::float8, calls), tokens = coalesce($6::float8, tokens)
  WHERE id = $1 AND epoch = $2 AND owned_until IS NOT NULL RETURNING n`;
