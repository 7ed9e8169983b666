// Answers as many questions as it is told, in random order and a few at a time; prints whom it has answered.
import { setTimeout as sleep } from "node:timers/promises";
import { openJournal } from "sluice/journal";

const [path = "", count = "0", seed = "1"] = process.argv.slice(2);
let state = Number(seed);
const random = (below: number) => {
  state = (state * 48_271) % 2_147_483_647;
  return state % below;
};

const journal = await openJournal(path);
const answered: number[] = [];
while (answered.length < Number(count)) {
  const open = await journal.questions();
  for (let most = 1 + random(5); most > 0 && open.length > 0; most--) {
    const [{ token, question }] = open.splice(random(open.length), 1) as [(typeof open)[number]];
    const { item } = question as { item: number };
    await journal.answer(token, `yes to ${item}`);
    answered.push(item);
  }
  await sleep(random(8));
}
await journal.close();
process.stdout.write(JSON.stringify(answered));
