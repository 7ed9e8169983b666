// sluice/progress: how far runs are, in the terminal.
export { type Progress, type ProgressOptions, showProgress } from "./progress.js";
