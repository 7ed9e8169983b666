// Plain JavaScript that an editor checks (checkJs): no annotation anywhere.
import { AsyncParallelBatchFlow, BatchNode, Flow, Gate, Node, node } from "sluice";

class Ask extends Node {
  prep(shared) {
    return shared.question;
  }
  async exec(question, { signal }) {
    return `${question} ${signal.aborted}`;
  }
  execFallback(question, error) {
    return `${question} ${error}`;
  }
  post(shared, question, answer) {
    shared.answers = { ...shared.answers, [question]: answer };
    return shared.more ? "again" : "done";
  }
}
class Each extends BatchNode {
  prep(shared) {
    return shared.items;
  }
  exec(item) {
    return item.length;
  }
  post(shared, _items, sizes) {
    shared.sizes = sizes.map((size) => size + 1);
  }
}
class PerUser extends AsyncParallelBatchFlow {
  prep(shared) {
    return shared.users.map((user) => ({ user }));
  }
  post(shared, _params, actions) {
    shared.actions = actions;
  }
}

const ask = new Ask({ attempts: 3, backoff: 100, gate: new Gate({ concurrency: 2 }) });
const each = new Each();
ask.on("again", ask).on("done", each);
each.next(node({ exec: () => 1, post: (shared) => void (shared.end = true) }));
new PerUser(new Flow(ask), { concurrency: 4 })
  .run({ question: "why?", users: ["a"], items: [], more: false })
  .then((action) => action?.trim());
