// sluice/bullmq: the calls of nodes on many machines, over BullMQ and Redis. For Node.
export { Fleet, type FleetOptions } from "./fleet.js";
export type { FleetWorker, FleetWorkerOptions, FleetWorkerStats } from "./worker.js";
