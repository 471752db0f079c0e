// node in_node.mjs PAGE SETTINGS OUT: runs a policy maker's page without a browser for every setting of a JSON list, and
// writes all outputs, (setting, run, time, output), as 64-bit numbers, then OUT.json with what is judged against each base.
import fs from "node:fs";
const [page, settings, out] = process.argv.slice(2), html = fs.readFileSync(page, "utf8");
const text = (id) => html.match(new RegExp(`<script[^>]* id="${id}">([\\s\\S]*?)</script>`))[1];
const own = html.match(/<script>([\s\S]*?)<\/script>/)[1];
const names = "{ runner, unpacked, opened, ordered, restored, Runs, filledIn, curvesOf, priced, judged, gained, linesOf, pathOf, leftOver, band }";
const { runner, unpacked, opened, ordered, restored, Runs, filledIn, curvesOf, priced, judged, gained, linesOf, pathOf, leftOver, band } =
  new Function(`${own}; return ${names};`)();
const packed = await unpacked(text("numbers"));
const model = filledIn(JSON.parse(text("model")), restored(ordered(packed, packed.length / 8, 1, Float64Array), 1));
const data = await opened(model, text);
const piece = 6, run = await runner()(model.code, data.bytes, data.table, data.saved, model.outputs.length, piece);
const runs = new Runs(model, data, [async (...all) => run(...all)], piece, (all) => all);
const ask = (curves, every) => runs.ask({ values: {}, curves, every }, every ? undefined : () => {});
const bases = {}, basis = async ({ base, world }) => bases[`${base} ${world}`] ??= await ask(curvesOf(model, { base, world, instruments: {} })), draws = [...Array(model.draws).keys()], found = [], made = [];
for (const setting of JSON.parse(fs.readFileSync(settings, "utf8"))) {
  const one = await priced(model, setting, ask, () => basis({ ...setting, base: "history" })), of = [model, one.runs, await basis(setting), draws];
  const flat = draws.flatMap((run) => model.time.values.flatMap((_, time) => model.outputs.map((_, place) => one.runs.at(run, time, place))));
  made.push(Buffer.from(Float64Array.from(flat).buffer));
  const money = gained(...of), sums = { ...money, lines: linesOf(...of, money), left: leftOver(...of), path: pathOf(...of) };
  found.push({ ...judged(model, setting, ...of.slice(1)), ...sums, dates: one.dates, cut: one.cut.map(([name, some]) => [name, some.length]), bands: model.policy.charts.map((chart) => band(model, chart, one.runs, draws)) });
}
fs.writeFileSync(out, Buffer.concat(made));
fs.writeFileSync(`${out}.json`, JSON.stringify(found));
