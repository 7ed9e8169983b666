/**
 * Progress of runs in the terminal.
 *
 * @module sluice/progress
 */

export { type Progress, type ProgressOptions, showProgress } from "./progress.js";
