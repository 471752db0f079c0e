// node in_node.mjs PAGE SETTINGS OUT: runs a policy maker's page without a browser for every setting of a JSON list, and
// writes all outputs, (setting, run, time, output), as 64-bit numbers, then OUT.json with what is judged against each base.
import fs from "node:fs";
const [page, settings, out] = process.argv.slice(2), html = fs.readFileSync(page, "utf8");
const text = (id) => html.match(new RegExp(`<script[^>]* id="${id}">([\\s\\S]*?)</script>`))[1];
const own = html.match(/<script>([\s\S]*?)<\/script>/)[1];
const names = "{ runner, unpacked, opened, ordered, rowsOf, filledIn, curvesOf, judged, whole, overpaid, band }";
const { runner, unpacked, opened, ordered, rowsOf, filledIn, curvesOf, judged, whole, overpaid, band } = new Function(`${own}; return ${names};`)();
const packed = await unpacked(text("numbers"));
const model = filledIn(JSON.parse(text("model")), ordered(packed, packed.length / 8, 1, Float64Array));
const data = await opened(model, { module: text("module"), table: text("table-bytes"), draws: text("draws") });
const piece = 26, outputs = model.outputs.length, { columns } = model.code, times = model.time.values.length;
const run = await runner()(model.code, data.bytes, data.table, data.saved, outputs, piece);
function all(setting) {
  const rows = rowsOf(model, data.draws, { values: {}, curves: curvesOf(model, setting) }), parts = [];
  for (let first = 0; first < model.draws; first += piece) {
    const last = Math.min(model.draws, first + piece);
    parts.push(run(rows.slice(first * columns, last * columns), first, last - first).out);
  }
  return whole.call({ model, piece }, parts, times, outputs);
}
const bases = Object.fromEntries(model.policy.bases.map((base) => [base, all({ base, instruments: {} })]));
const draws = [...Array(model.draws).keys()], found = [], runs = [];
for (const setting of JSON.parse(fs.readFileSync(settings, "utf8"))) {
  const made = all(setting);
  runs.push(Buffer.from(made.buffer));
  found.push({ ...judged(model, setting, made, bases[setting.base], draws), overpaid: overpaid(model, setting, made), bands: model.policy.charts.map((one) => band(model, one, made, draws)) });
}
fs.writeFileSync(out, Buffer.concat(runs));
fs.writeFileSync(`${out}.json`, JSON.stringify(found));
