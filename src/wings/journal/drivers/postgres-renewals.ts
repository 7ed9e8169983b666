// Renews all claims of this process by one statement, which also returns cancelled runs.
import { lost } from "./claims.js";
import type { PostgresConnection } from "./postgres-connection.js";
import { toSafe } from "./safe-text.js";

interface Renewal {
  readonly id: string;
  readonly epoch: number;
  resolve(isCancelled: boolean): void;
  reject(error: unknown): void;
}

/**
 * Sessions renew twice a second, to notice a cancel; a claim is rewritten after 3 s of its 10 s. A locked row is
 * skipped, because a commit to it renews its claim too.
 */
const RENEW = (later: string) => `
  WITH mine AS (
    SELECT n, place, state FROM unnest($1::text[], $2::integer[]) WITH ORDINALITY AS m (id, epoch, place)
    JOIN sluice.runs USING (id, epoch) WHERE owned_until IS NOT NULL
  ), renewed AS (
    UPDATE sluice.runs SET owned_until = ${later} WHERE n IN (
      SELECT runs.n FROM sluice.runs JOIN mine USING (n)
      WHERE owned_until < clock_timestamp() + interval '7 s' FOR NO KEY UPDATE OF runs SKIP LOCKED
    )
  )
  SELECT place, state FROM mine`;

/** Renews claims. */
export class Renewals {
  readonly #connection: PostgresConnection;
  readonly #sql: string;
  #waiting: Renewal[] = [];
  #isUnderWay = false;

  /** @param later - SQL for the end of a claim. */
  constructor(connection: PostgresConnection, later: string) {
    this.#connection = connection;
    this.#sql = RENEW(later);
  }

  /**
   * Renews a claim.
   * @throws SluiceError `RUN_LOST`; the database's error, without a retry, because the next renewal follows.
   */
  renew(id: string, epoch: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, epoch, resolve, reject });
      if (!this.#isUnderWay) void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    this.#isUnderWay = true;
    while (this.#waiting.length > 0) await this.#query(this.#waiting.splice(0));
    this.#isUnderWay = false;
  }

  async #query(renewals: readonly Renewal[]): Promise<void> {
    try {
      const { rows } = await this.#connection.once(this.#sql, [
        renewals.map(({ id }) => toSafe(id)),
        renewals.map(({ epoch }) => epoch),
      ]);
      for (const { place, state } of rows as { place: string; state: string }[])
        renewals[Number(place) - 1]?.resolve(state === "cancelled");
      for (const { id, reject } of renewals) reject(lost(id)); // those found are resolved already
    } catch (error) {
      for (const { reject } of renewals) reject(error);
    }
  }
}
