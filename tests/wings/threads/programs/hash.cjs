// The same as CommonJS.
const { createHash } = require("node:crypto");

exports.hash = (text) => createHash("sha256").update(text).digest("hex");
exports.count = function* count(to) {
  for (let n = 1; n <= to; n++) yield n;
};
