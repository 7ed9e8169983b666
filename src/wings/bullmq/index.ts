/**
 * The calls of nodes on many machines, over BullMQ and Redis. For Node.
 *
 * @module sluice/bullmq
 */

export { Fleet, type FleetOptions, type FleetWorkerOptions } from "./fleet.js";
export type { FleetWorker, FleetWorkerStats } from "./worker.js";
