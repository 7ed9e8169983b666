import { measure } from './workloads/large-store.mjs';
import { steps } from './contestants/large-store.mjs';
console.log(await measure(steps,{steps:1000}));
