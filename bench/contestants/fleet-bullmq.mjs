// BullMQ by hand: one number a job, and its result by the queue's events.
import { Queue, QueueEvents } from "bullmq";

export const worker = "bullmq";

export async function fleet(url, queueName) {
  const connection = { url };
  const queue = new Queue(queueName, { connection, defaultJobOptions: { removeOnComplete: true } });
  const events = new QueueEvents(queueName, { connection });
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
  const waiting = new Map();
  events.on("completed", ({ jobId, returnvalue }) => {
    waiting.get(jobId)?.(Number(returnvalue));
    waiting.delete(jobId);
  });
  let jobs = 0;
  /** Adds numbers together; each result comes when it is there. */
  const send = (from, to) => {
    const results = [];
    const added = [];
    for (let n = from; n < to; n++) {
      const jobId = `job-${++jobs}`;
      results.push(new Promise((resolve) => waiting.set(jobId, resolve)));
      added.push({ name: "double", data: { n }, opts: { jobId } });
    }
    return { added: queue.addBulk(added), results };
  };
  return async (count, concurrency) => {
    let [sum, next] = [0, 0];
    const width = Math.max(1, concurrency / 10);
    const lane = async () => {
      while (next < count) {
        const from = next;
        next = Math.min(count, next + width);
        const { added, results } = send(from, next);
        await added;
        for (const result of await Promise.all(results)) sum += result;
      }
    };
    await Promise.all(Array.from({ length: Math.ceil(concurrency / width) }, lane));
    return sum;
  };
}
