// What a page computes by its own script and module, for every setting of a list: all outputs, (setting, run, time, output),
// and then all quantiles, as 64-bit numbers.  `unpack` stands for the page's own where an engine cannot unpack.
(async (html, settings, unpack) => {
  const text = (id) => html.match(new RegExp(`<script[^>]* id="${id}">([\\s\\S]*?)</script>`))[1];
  const own = html.match(/<script>([\s\S]*?)<\/script>/)[1];
  const names = "{ runner, opened, rowsOf, pointsOf, Whole, quantiles, totalOf, copied }";
  const page = new Function("unpack", `${own}; if (unpack) unpacked = unpack; return ${names};`)(unpack);
  const { runner, opened, rowsOf, pointsOf, Whole, quantiles, totalOf, copied } = page;
  const model = JSON.parse(text("model")), times = model.time.values.length, outputs = totalOf(model);
  const data = await opened(model, text);
  const piece = 6, run = await runner()(model.code, data.bytes, data.table, data.saved, outputs, piece);
  const runs = Math.max(1, model.draws), columns = model.inputs.length, all = [], spreads = [];
  for (const setting of settings) {
    const rows = rowsOf(model, data.draws, copied(setting)), points = pointsOf(model, copied(setting)).shared, parts = [];
    for (let first = 0; first < runs; first += piece) {
      const last = Math.min(runs, first + piece);
      parts.push(run(rows.slice(first * columns, last * columns), points, first, last - first).out);
    }
    const whole = new Whole(parts, times, outputs), places = [...Array(outputs).keys()];
    for (let one = 0; one < runs; one++)
      for (let time = 0; time < times; time++) all.push(...places.map((place) => whole.at(one, time, place)));
    for (const of of quantiles(whole, model.outputs.length).found) for (const share of of) spreads.push(...share);
  }
  return Float64Array.from([...all, ...spreads]);
})
