// node in_node.mjs PAGE SETTINGS OUT: runs the page's own script and module without a browser, for every setting of a
// JSON list, and writes all outputs, (setting, run, time, output), and then all quantiles, as 64-bit numbers.
import fs from "node:fs";
const [page, settings, out] = process.argv.slice(2), html = fs.readFileSync(page, "utf8");
const text = (id) => html.match(new RegExp(`<script[^>]* id="${id}">([\\s\\S]*?)</script>`))[1];
const own = html.match(/<script>([\s\S]*?)<\/script>/)[1];
const names = "{ runner, opened, rowsOf, pointsOf, Whole, quantiles, totalOf, copied }";
const { runner, opened, rowsOf, pointsOf, Whole, quantiles, totalOf, copied } = new Function(`${own}; return ${names};`)();
const model = JSON.parse(text("model")), times = model.time.values.length, outputs = totalOf(model);
const data = await opened(model, { module: text("module"), table: text("table-bytes"), draws: text("draws") });
const piece = 6, run = await runner()(model.code, data.bytes, data.table, data.saved, outputs, piece);
const runs = Math.max(1, model.draws), columns = model.inputs.length, all = [], spreads = [];
for (const setting of JSON.parse(fs.readFileSync(settings, "utf8"))) {
  const rows = rowsOf(model, data.draws, copied(setting)), points = pointsOf(model, copied(setting)), parts = [];
  for (let first = 0; first < runs; first += piece) {
    const last = Math.min(runs, first + piece);
    parts.push(run(rows.slice(first * columns, last * columns), points, first, last - first).out);
  }
  const whole = new Whole(parts, times, outputs), places = [...Array(outputs).keys()];
  for (let one = 0; one < runs; one++) for (let time = 0; time < times; time++) all.push(Float64Array.from(places, (place) => whole.at(one, time, place)));
  spreads.push(...quantiles(whole, model.outputs.length).found.flat());
}
fs.writeFileSync(out, Buffer.concat([...all, ...spreads].map((one) => Buffer.from(one.buffer, one.byteOffset, one.byteLength))));
