// The measuring process: one workload, one case, one contestant, then a line of JSON. Started by lib/rounds.mjs
// with node --expose-gc measure.mjs '{ "workload": "chain", "case": "sync hooks", "contestant": "sluice" }'.
const { workload: name, case: caseName, contestant, budget } = JSON.parse(process.argv[2]);

const workload = await import(`./workloads/${name}.mjs`);
const chosen = workload.cases[caseName];
const peer = workload.peers[contestant] ?? {};
const file = (peer.file ?? contestant).replace("/", "-").replace("@", "");
const library = await import(`./contestants/${file}.mjs`);
const adapter = library[peer.adapter ?? chosen.adapter ?? workload.adapter];
if (adapter === undefined) throw new Error(`contestants/${file}.mjs has no adapter for ${name}`);

const figures = await workload.measure(adapter, { budget, ...chosen, ...peer });
console.log(JSON.stringify({ ...figures, maxRss: process.resourceUsage().maxRSS / 1024 }));
process.exit(0); // what a contestant left running is not waited for
