// The contract of shared limits catches every limit that breaks one promise. Time is made up, so nothing waits.
import type { LimitReply, LimitRequest, SharedBucket } from "sluice";
import { sharedLimitContract } from "sluice/testing";
import { expect, test } from "vitest";
import { MemoryLimit, MemoryPlace } from "../../support/memory-limit.js";

type Place = new (now: () => number) => MemoryPlace;

/** The cases that a place does not pass. */
async function broken(Place: Place): Promise<string[]> {
  const failed: string[] = [];
  const cases = sharedLimitContract(() => {
    let now = 1_000;
    const place = new Place(() => now);
    return {
      limit: new MemoryLimit(place),
      another: () => new MemoryLimit(place),
      forget: () => place.forget(),
      pass: async (ms) => {
        now += ms;
      },
      close: () => {},
    };
  });
  for (const { name, run } of cases) await run().catch((error) => failed.push(`${name}: ${error}`));
  return failed;
}

const changed = (request: LimitRequest, changes: Partial<LimitRequest>): LimitRequest => ({
  ...request,
  ...changes,
});

/** A place whose requests or replies are changed on their way. */
const between = (
  before: (request: LimitRequest, place: MemoryPlace) => LimitRequest,
  after: (reply: LimitReply, request: LimitRequest) => LimitReply = (reply) => reply,
): Place =>
  class extends MemoryPlace {
    override settle(request: LimitRequest) {
      const reply = super.settle(before(request, this));
      return "differs" in reply ? reply : after(reply, request);
    }
  };

const mutants: Record<string, Place> = {
  "grants at once": class extends MemoryPlace {
    override readonly grace = 0;
  },
  "begins with full buckets": class extends MemoryPlace {
    protected override fill(ask: LimitRequest, now: number) {
      if (this.at === now)
        this.level = { requests: ask.requests?.capacity ?? 0, tokens: ask.tokens?.capacity ?? 0 };
      super.fill(ask, now);
    }
  },
  "has buckets without a brim": class extends MemoryPlace {
    protected override cap(_bucket: SharedBucket, level: number) {
      return level;
    }
  },
  "counts no tokens": between((request) => changed(request, { calls: request.calls.map(() => 0) })),
  "counts no requests": between((request) => changed(request, { requests: null })),
  "has buckets for each gate": class extends MemoryPlace {
    readonly #levels = new Map<string, { requests: number; tokens: number }>();
    override settle(ask: LimitRequest) {
      this.level = this.#levels.get(ask.owner) ?? {
        requests: ask.requests?.capacity ?? 0,
        tokens: ask.tokens?.capacity ?? 0,
      };
      const reply = super.settle(ask);
      this.#levels.set(ask.owner, this.level);
      return reply;
    }
  },
  "leaves out what does not fit": class extends MemoryPlace {
    protected override grant(...[ask, me, most, now]: Parameters<MemoryPlace["grant"]>) {
      const fitting = ask.calls.filter((cost) => cost <= this.level.tokens || ask.tokens === null);
      return super.grant(changed(ask, { calls: fitting }), me, Math.min(most, fitting.length), now);
    }
  },
  "does not wait out a debt": between(
    (request) => request,
    (reply) => (reply.calls > 0 ? { ...reply, wait: 0 } : reply),
  ),
  "starts a dear call at once and lets others pass": class extends MemoryPlace {
    protected override spend(ask: LimitRequest, cost: number) {
      super.spend(ask, Math.min(cost, ask.tokens?.capacity ?? cost));
    }
  },
  "forgets what comes back": between((request) =>
    changed(request, { back: { requests: 0, tokens: Math.min(0, request.back.tokens) } }),
  ),
  "forgets what calls cost in the end": between((request) =>
    changed(request, { back: { ...request.back, tokens: Math.max(0, request.back.tokens) } }),
  ),
  "takes back what is of an earlier epoch": between((request, { epoch }) =>
    changed(request, { epoch: request.epoch === "earlier" ? epoch : request.epoch }),
  ),
  "pauses only the gate that was refused": class extends MemoryPlace {
    readonly #paused = new Map<string, number>();
    override settle(ask: LimitRequest) {
      this.pause = this.#paused.get(ask.owner) ?? 0;
      const reply = super.settle(ask);
      this.#paused.set(ask.owner, this.pause);
      return reply;
    }
  },
  "cuts a pause short": class extends MemoryPlace {
    protected override hold(ask: LimitRequest, now: number) {
      if (ask.pause > 0) this.pause = 0;
      super.hold(ask, now);
    }
  },
  "keeps what was saved up in a pause": class extends MemoryPlace {
    protected override hold(ask: LimitRequest, now: number) {
      const { level } = this;
      super.hold(ask, now);
      this.level = level;
    }
  },
  "pauses for ever": class extends MemoryPlace {
    protected override closedFor(now: number) {
      return this.pause > 0 ? 1_000 : super.closedFor(now);
    }
  },
  "keeps the debts of the dead": class extends MemoryPlace {
    protected override revoke() {}
  },
  "takes debts from those who wait for them": class extends MemoryPlace {
    override readonly silent = 300;
  },
  "does not tell of a debt that was taken back": between(
    (request) => request,
    (reply) => ({ ...reply, revoked: false }),
  ),
  "gives each gate all slots": class extends MemoryPlace {
    protected override share(ask: LimitRequest) {
      return ask.wanted;
    }
  },
  "keeps slots that come back": class extends MemoryPlace {
    protected override meet(...[ask, now]: Parameters<MemoryPlace["meet"]>) {
      const before = this.owners.get(ask.owner)?.held ?? 0;
      const me = super.meet(ask, now);
      me.held = Math.max(before, ask.held);
      return me;
    }
  },
  "keeps the slots of the dead": class extends MemoryPlace {
    override readonly expiry = 30_000;
  },
  "takes the slots of the living": class extends MemoryPlace {
    override readonly expiry = 500;
  },
  "takes no slots from the rich": class extends MemoryPlace {
    protected override kept(held: number) {
      return held;
    }
  },
  "gives a slot to the one that asks first": class extends MemoryPlace {
    protected override meet(...[ask, now]: Parameters<MemoryPlace["meet"]>) {
      const me = super.meet(ask, now);
      me.since = Number.NEGATIVE_INFINITY;
      return me;
    }
  },
  "grants calls without a slot": class extends MemoryPlace {
    protected override ready(ask: LimitRequest) {
      return ask.calls.length;
    }
  },
  "keeps the slots of a gate that leaves": between((request) => changed(request, { leaves: false, held: 3 })),
  "lets a gate that leaves lose the slots that it uses": between((request) =>
    request.leaves ? changed(request, { held: 0 }) : request,
  ),
  "takes any limits": between((request) => changed(request, { terms: "terms" })),
  "never takes other limits": class extends MemoryPlace {
    readonly #known = new Set<string>();
    override settle(ask: LimitRequest) {
      this.#known.add(ask.terms);
      return this.#known.size > 1 ? { differs: "terms" } : super.settle(ask);
    }
  },
  "keeps its epoch when it loses its state": between(
    (request) => request,
    (reply) => ({ ...reply, epoch: "1" }),
  ),
  "does not listen to reports": between((request) =>
    changed(request, { known: { requests: 0, tokens: 0, pause: 0 } }),
  ),
  "listens to reports for ever": class extends MemoryPlace {
    protected override hold(ask: LimitRequest, now: number) {
      super.hold(changed(ask, { pause: Math.max(ask.pause, ask.known.pause) }), now);
    }
  },
  "empties its buckets for gates that come back": class extends MemoryPlace {
    protected override known(ask: LimitRequest, kind: "requests" | "tokens") {
      return ask.epoch === this.epoch ? Number.POSITIVE_INFINITY : ask.known[kind];
    }
  },
};

test("the limit that the mutants are made from keeps the contract", async () => {
  expect(await broken(MemoryPlace)).toEqual([]);
});

test.each(Object.entries(mutants))("it catches a limit that %s", async (_name, Mutant) => {
  expect(await broken(Mutant)).not.toEqual([]);
});
