// node in_node.mjs PAGE SETTINGS OUT: what `computed.js` says, in V8.
import fs from "node:fs";
const [page, settings, out] = process.argv.slice(2), computed = (0, eval)(fs.readFileSync(new URL("computed.js", import.meta.url), "utf8"));
const numbers = await computed(fs.readFileSync(page, "utf8"), JSON.parse(fs.readFileSync(settings, "utf8")));
fs.writeFileSync(out, Buffer.from(numbers.buffer));
