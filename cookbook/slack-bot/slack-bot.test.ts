import { type Journal, openJournal } from "sluice/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DeniedError, FinalError, type Model } from "../lib/model.js";
import { NOW, recorded, SECRET } from "./recorded.js";
import { isSigned, type Post } from "./slack.js";
import { createBotFlow, createWebhook } from "./slack-bot.js";

let journal: Journal;
beforeEach(async () => {
  journal = await openJournal(":memory:");
});
afterEach(() => journal.close());

function bot(chat: Model["chat"] = async () => "It is 391.", post: Post = async () => {}) {
  const posted: string[] = [];
  const errors: unknown[] = [];
  const flow = createBotFlow({ chat } as Partial<Model> as Model, async (channel, thread, text, signal) => {
    await post(channel, thread, text, signal);
    posted.push(`${channel} ${thread} ${text}`);
  });
  const onError = (error: unknown) => errors.push(error);
  return {
    flow,
    posted,
    errors,
    ...createWebhook({ flow, journal, secret: SECRET, onError, now: () => NOW }),
  };
}
const [challenge, question, retry, ofBot, forged] = [0, 1, 2, 3, 4].map(
  (at) => () => recorded()[at] as Request,
) as [() => Request, () => Request, () => Request, () => Request, () => Request];

test("a signature is that of Slack's documentation, of the whole body, and not old", () => {
  const body =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
    "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com" +
    "%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121" +
    ".803a0bc887a14d10d2c447fce8b6703c";
  const headers = new Headers({
    "x-slack-request-timestamp": "1531420618",
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
  });
  const now = 1_531_420_618_000;
  expect(isSigned(body, headers, SECRET, now)).toBe(true);
  expect(isSigned(`${body} `, headers, SECRET, now)).toBe(false);
  expect(isSigned(body, headers, "another", now)).toBe(false);
  expect(isSigned(body, headers, SECRET, now + 301_000)).toBe(false);
  expect(isSigned(body, new Headers(), SECRET, now)).toBe(false);
});

test("Slack is answered while the run goes on, and a retry of a delivery is not run again", async () => {
  let finish = (_text: string) => {};
  const answer = new Promise<string>((resolve) => (finish = resolve));
  let calls = 0;
  const { handle, ended, posted } = bot(() => {
    calls++;
    return answer;
  });
  const both = await Promise.all([handle(question()), handle(retry())]); // at the same time
  expect(both.map(({ status }) => status)).toEqual([200, 200]);
  expect((await handle(retry())).status).toBe(200); // while it runs
  expect(posted).toEqual([]);
  finish("It is 391.");
  await ended();
  await handle(retry()); // after its end
  await ended();
  expect([calls, posted]).toEqual([1, ["C04567890 1764000000.000100 It is 391."]]);
});

test("the URL is verified, a forged delivery is refused, and bots are not answered", async () => {
  const { handle, ended, posted } = bot();
  expect(await (await handle(challenge())).text()).toBe("3eZbrw1aBm2rZgRNFdxV");
  expect((await handle(forged())).status).toBe(401);
  expect((await handle(ofBot())).status).toBe(200);
  await ended();
  expect([posted, await journal.runs()]).toEqual([[], []]);
});

test("an answer is not paid for again if it could not be posted: the next start posts it", async () => {
  let calls = 0;
  const chat = async () => {
    calls++;
    return "It is 391.";
  };
  const gone = Object.assign(new Error("Slack answered 404"), { status: 404 }); // is not tried again
  const first = bot(chat, () => Promise.reject(gone));
  await first.handle(question());
  await first.ended();
  expect(first.errors).toEqual([gone]);
  const second = bot(chat);
  await second.goOn();
  await second.ended();
  expect([calls, second.posted]).toEqual([1, ["C04567890 1764000000.000100 It is 391."]]);
});

test("a refusal is posted as such, and of a wrong key the channel learns nothing", async () => {
  const refused = bot(() => Promise.reject(new FinalError("The model refuses: no")));
  await refused.handle(question());
  await refused.ended();
  expect(refused.posted[0]).toContain("I have no answer: The model refuses: no");
  await journal.close();
  journal = await openJournal(":memory:");
  const denied = bot(() => Promise.reject(new DeniedError("401")));
  await denied.handle(question());
  await denied.ended();
  expect([denied.posted, denied.errors]).toEqual([[], [new DeniedError("401")]]);
});
