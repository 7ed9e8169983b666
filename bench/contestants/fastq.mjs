// fastq: an in-memory queue, here with its promise interface.
import fastq from "fastq";
import { range } from "../hooks.mjs";

export function fanOut(exec, count, concurrency) {
  const queue = fastq.promise(exec, concurrency);
  return Promise.all(Array.from(range(count), (item) => queue.push(item)));
}
