// Deliveries of GitHub for a trial without a webhook: a pull request, its redelivery, a draft, and a forged one.
import { createHmac } from "node:crypto";
import type { GitHub } from "./github.js";

/** What the deliveries are signed with. */
export const SECRET = "It's a Secret to Everybody";

export const DIFF = `diff --git a/src/order.ts b/src/order.ts
index 3f1a2b4..9c8d7e6 100644
--- a/src/order.ts
+++ b/src/order.ts
@@ -10,4 +10,6 @@ export function total(order: Order): number {
   const items = order.items;
-  return items.reduce((sum, item) => sum + item.price, 0);
+  console.log(order.customer.email);
+  // TODO: discounts
+  return items.reduce((sum, item) => sum + item.price * item.count, 0);
 }
diff --git a/README.md b/README.md
--- a/README.md
+++ b/README.md
@@ -1,1 +1,2 @@
 # Shop
+Sells lamps.
diff --git a/old.ts b/old.ts
deleted file mode 100644
--- a/old.ts
+++ /dev/null
@@ -1,1 +0,0 @@
-export {};
`;

const opened = (more: object = {}) =>
  JSON.stringify({
    action: "opened",
    number: 17,
    pull_request: { draft: false, head: { sha: "6dcb09b5b57875f334f61aebed695e2e4193db5e" }, ...more },
    repository: { full_name: "shop/orders" },
  });

function requestOf(body: string, secret = SECRET): Request {
  const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  const headers = { "x-github-event": "pull_request", "x-hub-signature-256": signature };
  return new Request("http://localhost/", { method: "POST", headers, body });
}

export const recorded = (): Request[] => [
  requestOf(opened()),
  requestOf(opened()),
  requestOf(opened({ draft: true })),
  requestOf(opened(), "another secret"),
];

/** Gives the recorded diff, and shows reviews in place of posting them. */
export const recordedGitHub = (show: (text: string) => void): GitHub => ({
  diff: async () => DIFF,
  review: async ({ repository, number }, body, comments) => {
    const lines = comments.map(({ path, line, body: text }) => `  ${path}:${line} ${text}`);
    show([`${repository}#${number}: ${body}`, ...lines].join("\n"));
  },
});
