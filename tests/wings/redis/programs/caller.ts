// A process that makes calls at a gate without end, and reports the start and the end of each to an observer.
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Gate, type GateOptions } from "sluice";
import { redisLimit } from "sluice/redis";

interface Task {
  readonly url: string;
  readonly key: string;
  readonly observer: number;
  readonly options: GateOptions;
  readonly workers: number;
  /** The ms of a call, and its tokens. */
  readonly takes: number;
  readonly tokens: number;
}

const { url, key, observer, options, workers, takes, tokens }: Task = JSON.parse(process.argv[2] ?? "");
const socket = connect(observer, "127.0.0.1").setNoDelay(true);
await once(socket, "connect");
const gate = new Gate({ ...options, shared: redisLimit(url, { key }) });

async function work(): Promise<never> {
  for (;;) {
    await gate.run(
      async () => {
        socket.write(`start ${performance.timeOrigin + performance.now()}\n`);
        await sleep(takes);
        socket.write("end\n");
      },
      { tokens },
    );
  }
}
await Promise.all(Array.from({ length: workers }, work));
