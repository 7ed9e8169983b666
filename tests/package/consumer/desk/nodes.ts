// The nodes of the desk, and the store that they share.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type Context,
  type Gate,
  type ItemFailure,
  isFailure,
  Node,
  node,
} from "sluice";

export type Llm = (prompt: string, options: { signal: AbortSignal }) => Promise<string>;
export type Search = (query: string) => Promise<string | undefined>;
export type Kind = "billing" | "outage" | "other";

export interface Ticket {
  readonly id: string;
  readonly text: string;
}

export interface Shared {
  readonly tickets: readonly Ticket[];
  kinds?: Record<string, Kind>;
  unclear?: string[];
  answers: Record<string, string>;
  urgent?: number;
  letters?: number;
  report?: string;
}

const isKind = (text: string): text is Kind => ["billing", "outage", "other"].includes(text);

/** Asks a model for the kind of each ticket; one that gives no kind costs only its own ticket. */
export class Classify extends AsyncParallelBatchNode<Shared, Ticket, readonly [string, Kind], "collect"> {
  readonly #llm: Llm;

  constructor(llm: Llm, gate: Gate) {
    super({ gate, concurrency: 8, attempts: 2, backoff: 1, timeout: 5_000, onError: "collect" });
    this.#llm = llm;
  }

  override prep(shared: Shared) {
    return shared.tickets;
  }

  override cost({ text }: Ticket) {
    return Math.ceil(text.length / 4);
  }

  override async exec({ id, text }: Ticket, { signal }: Context): Promise<readonly [string, Kind]> {
    const reply = await this.#llm(`Classify: ${text}`, { signal });
    if (!isKind(reply)) throw new Error(`no kind: ${reply}`);
    return [id, reply];
  }

  override post(
    shared: Shared,
    _tickets: unknown,
    results: (readonly [string, Kind] | ItemFailure<Ticket>)[],
  ) {
    shared.kinds = {};
    shared.unclear = [];
    for (const result of results) {
      if (isFailure(result)) shared.unclear.push(result.item.id);
      else shared.kinds[result[0]] = result[1];
    }
    return Object.keys(shared.kinds).length > 0 ? "classified" : "nothing";
  }
}

/** The store of one ticket. */
export interface Case extends Shared {
  ticket?: Ticket;
  notes?: string[];
  query?: string;
}

type Decision = { action: "search"; query: string } | { action: "answer"; answer: string };

/** Decides whether to look something up or to answer. */
export class Decide extends Node<Case, { ticket: Ticket; notes: string[] }, Decision> {
  readonly #llm: Llm;

  constructor(llm: Llm, gate: Gate) {
    super({ gate, attempts: 3, backoff: 1, timeout: 5_000, requires: ["ticket", "notes"] });
    this.#llm = llm;
  }

  override prep({ ticket, notes }: Case) {
    return { ticket: ticket as Ticket, notes: notes ?? [] };
  }

  override async exec(
    { ticket, notes }: { ticket: Ticket; notes: string[] },
    { signal }: Context,
  ): Promise<Decision> {
    if (notes.length >= 2) return { action: "answer", answer: "A colleague will write to you." };
    const decision = JSON.parse(await this.#llm(`Decide: ${ticket.text} | ${notes.join("; ")}`, { signal }));
    if (decision.action === "search" && typeof decision.query === "string") return decision;
    if (decision.action === "answer" && typeof decision.answer === "string") return decision;
    throw new Error("no decision");
  }

  override post(shared: Case, { ticket }: { ticket: Ticket }, decision: Decision) {
    if (decision.action === "search") shared.query = decision.query;
    else shared.answers[ticket.id] = decision.answer;
    return decision.action;
  }
}

export class LookUp extends Node<Case, string, string> {
  readonly #search: Search;

  constructor(search: Search) {
    super({ attempts: 2, requires: ["query"] });
    this.#search = search;
  }

  override prep(shared: Case) {
    return shared.query ?? "";
  }

  override async exec(query: string) {
    return (await this.#search(query)) ?? "nothing found";
  }

  override execFallback(query: string) {
    return `${query}: the search is down`;
  }

  override post(shared: Case, _query: string, found: string) {
    shared.notes?.push(found);
  }
}

/** Walks the same agent for each classified ticket, each on a store of its own. */
export class EachTicket extends AsyncParallelBatchFlow<Case, { id: string }, "collect"> {
  override prep(shared: Case) {
    return Object.keys(shared.kinds ?? {}).map((id) => ({ id }));
  }

  override fork(shared: Case, { id }: { id: string }): Case {
    const ticket = shared.tickets.find((each) => each.id === id);
    return { tickets: shared.tickets, answers: {}, notes: [], ...(ticket && { ticket }) };
  }

  override join(shared: Case, _params: { id: string }, local: Case) {
    Object.assign(shared.answers, local.answers);
  }
}

export const createUrgent = () =>
  node({
    name: "Urgent",
    prep: (shared: Case) => Object.values(shared.kinds ?? {}),
    exec: (kinds) => kinds.filter((kind) => kind === "outage").length,
    post: (shared, _kinds, urgent) => {
      shared.urgent = urgent;
    },
  });

export const createLetters = () =>
  node({
    name: "Letters",
    prep: (shared: Case) => Object.values(shared.answers),
    exec: (answers) => answers.join("").length,
    post: (shared, _answers, letters) => {
      shared.letters = letters;
    },
  });

export const createReport = () =>
  node({
    name: "Report",
    requires: ["urgent", "letters"],
    post: (shared: Case) => {
      const answered = Object.keys(shared.answers).length;
      shared.report = `${answered} answered, ${shared.unclear?.length} unclear, ${shared.urgent} urgent`;
    },
  });
