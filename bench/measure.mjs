// The measuring process: one workload, one case, one contestant, then a line of JSON. Started by lib/rounds.mjs
// with node --expose-gc measure.mjs '{ "workload": "chain", "case": "sync hooks", "contestant": "sluice" }'.
const { workload: name, case: caseName, contestant, budget } = JSON.parse(process.argv[2]);

const workload = await import(`./workloads/${name}.mjs`);
const chosen = workload.cases[caseName];
const peer = workload.peers[contestant] ?? {};
const adapter = workload.standalone
  ? undefined
  : await load(peer.file ?? workload.files?.[contestant] ?? contestant);

const figures = await workload.measure(adapter, { budget, contestant, ...chosen, ...peer });
const maxRss = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ ...figures, maxRss }));
process.exit(0); // what a contestant left running is not waited for

async function load(file) {
  const path = `./contestants/${file.replace("/", "-").replace("@", "")}.mjs`;
  const adapters = await import(path);
  const wanted = peer.adapter ?? chosen.adapter ?? workload.adapter;
  if (wanted === "*") return adapters;
  if (adapters[wanted] === undefined) throw new Error(`${path} does not export ${wanted}`);
  return adapters[wanted];
}
