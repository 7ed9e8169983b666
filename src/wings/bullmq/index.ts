// sluice/bullmq: the calls of nodes on many machines, over BullMQ and Redis. For Node.
export { Fleet, type FleetOptions, type FleetWorkerOptions } from "./fleet.js";
export type { FleetWorker, FleetWorkerStats } from "./worker.js";
