// Honest callers and attackers, in a process of their own. The test says who attacks; this one gives the latencies of
// the honest ones.
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";

export interface Round {
  readonly port: number;
  /** Honest callers, who stream, and how many times each calls. */
  readonly callers: number;
  readonly calls: number;
  /** Sockets whose body never ends. */
  readonly slow: number;
  /** Callers who hang up midway. */
  readonly leavers: number;
  /** Calls of one tenant at once. */
  readonly flood: number;
}

export interface Latencies {
  readonly answered: number;
  readonly failed: readonly string[];
  readonly p50: number;
  readonly p99: number;
}

const BODY = '{"text":"hello"}';

/** One call of a tenant; resolves with whether its stream had a result. */
function call(port: number, tenant: string, leaveAfter?: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      accept: "text/event-stream",
      "x-tenant": tenant,
      "content-length": BODY.length,
    };
    const outgoing = request(
      { host: "127.0.0.1", port, method: "POST", headers, agent: false },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        incoming.on("end", () => {
          const isWhole = incoming.statusCode === 200 && text.includes("event: result\n");
          if (isWhole || incoming.statusCode === 503) resolve(isWhole);
          else reject(new Error(`${incoming.statusCode} ${text.slice(-200)}`));
        });
        incoming.on("error", () => resolve(false));
      },
    );
    outgoing.on("error", (error) => (leaveAfter === undefined ? reject(error) : resolve(false)));
    outgoing.end(BODY);
    if (leaveAfter !== undefined) setTimeout(() => outgoing.destroy(), leaveAfter);
  });
}

async function slowBody(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  const head = ["POST / HTTP/1.1", "host: x", "content-type: application/json", "content-length: 100"];
  socket.write(`${head.join("\r\n")}\r\n\r\n{`);
  return socket;
}

async function run({ port, callers, calls, slow, leavers, flood }: Round): Promise<Latencies> {
  let over = false;
  const sockets = await Promise.all(Array.from({ length: slow }, () => slowBody(port)));
  const forever = async (attack: () => Promise<unknown>, share: number) => {
    await new Promise((resolve) => setTimeout(resolve, share * 1_000));
    while (!over) {
      await attack().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // the machine of the attackers is ours too
    }
  };
  const attacks = [
    ...Array.from({ length: leavers }, (_, at) =>
      forever(() => call(port, `leaver${at}`, 20 + (at % 30)), at / leavers),
    ),
    ...Array.from({ length: flood }, (_, at) => forever(() => call(port, "flood"), at / flood)),
  ];
  const times: number[] = [];
  const failed: string[] = [];
  const honest = async (at: number) => {
    // Spread over two seconds, as callers come.
    await new Promise((resolve) => setTimeout(resolve, (at * 2_000) / callers));
    for (let each = 0; each < calls; each++) {
      const began = performance.now();
      try {
        if (await call(port, `honest${at}`)) times.push(performance.now() - began);
        else failed.push("refused");
      } catch (error) {
        failed.push(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, at) => honest(at)));
  over = true;
  for (const socket of sockets) socket.destroy();
  await Promise.all(attacks);
  times.sort((a, b) => a - b);
  const rank = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { answered: times.length, failed, p50: rank(0.5), p99: rank(0.99) };
}

process.on("message", async (round: Round | "stop") => {
  if (round === "stop") return process.disconnect();
  process.send?.(await run(round));
});
process.send?.("ready");
