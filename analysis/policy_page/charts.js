// Results over time: charts, their key, one moment read off, and the same numbers as a table and as CSV.

// The year that ends at a moment, or the two that it lies in; what is gained over a year stands at its middle.
const yearTo = (end) => (Number.isInteger(end) ? moment(end - 1) : `${moment(end - 1)}\u2013${moment(end)}`), MIDDLE = 2;

// What is looked up once for each place, when it is first asked for.
const lazily = (find) => { const known = []; return (place) => (known[place] ??= find(place)); };

// Those of some parts of the page that are in sight; `came` is called when that changes.
class Sight extends Set {
  constructor(parts, came) {
    super();
    const observer = new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) if (isIntersecting) this.add(target); else this.delete(target);
      came();
    });
    parts.forEach((one) => observer.observe(one));
  }
}

const REST = 200;  // ms without a move after which it is drawn out of sight

const DASHED = { stroke: "#5b6672", "stroke-width": 1.6, "stroke-dasharray": "4 3" };

class Charts {
  constructor(page) {
    Object.assign(this, { page, times: page.policy.shown.map((i) => page.model.time.values[i]), own: null, base: null, width: 360 });
    this.at = this.times.length - 1;
    Object.assign(this, { figures: page.policy.charts.map(() => made("figure", { className: "chart" })), stale: new Set() });
    byId("charts").replaceChildren(...this.figures);
    this.sight = new Sight(this.figures, () => { if (!this.frame) this.drawn(this.sight); });
    byId("moment").max = this.at;
    byId("moment").oninput = () => this.look(Number(byId("moment").value));
    byId("csv").onclick = () => { if (!page.busy) save(`${page.policy.case}.csv`, this.csv()); };
    byId("table-part").ontoggle = () => this.table();
    window.addEventListener("beforeprint", () => this.drawn());
    new ResizeObserver(() => {  // measured apart from drawing, which would else lay the page out once more
      this.width = Math.max(280, Math.floor(this.figures[0].clientWidth || 360));
      this.draw();
      page.verdict.bars();  // as wide as the page, too
    }).observe(byId("charts"));
  }

  say(key, fields) { return this.page.say(key, fields); }

  // Bands are found when they are drawn or written.
  tell({ made: own, basis, asked }, draws) {
    const { model, policy } = this.page, key = `${asked.base} ${asked.world} ${draws}`;
    const bands = (runs, known) => lazily((place) => band(model, policy.charts[place], runs, draws, basis, known?.(place)));
    if (this.of !== key) [this.of, this.base] = [key, bands(basis)];
    this.own = own === basis ? this.base : bands(own, this.base);
    this.changed = Object.keys(asked.instruments).length > 0;
    this.draw();
    this.table();
  }

  look(place) {
    this.at = Math.min(Math.max(place, 0), this.times.length - 1);
    byId("moment").value = this.at;
    byId("at").textContent = yearTo(this.times[this.at]);
    byId("moment").setAttribute("aria-valuetext", yearTo(this.times[this.at]));
    this.draw();
  }

  get waiting() { return this.stale.size > 0; }

  draw() {
    if (!this.own) return;
    for (const one of this.figures) this.stale.add(one);
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.drawn(this.sight); });
  }

  // Draws those of some figures that are not up to date; the others when moves rest.
  drawn(some = new Set(this.figures)) {
    clearTimeout(this.rest);
    const height = window.innerWidth < 560 ? 170 : 220, told = this.stale.size === this.figures.length;
    this.figures.forEach((one, place) => {
      if (some.has(one) && this.stale.delete(one)) one.replaceChildren(...this.chart(place, this.width, height));
    });
    if (told) this.key();
    if (this.waiting) this.rest = setTimeout(() => this.drawn(), REST);
  }

  chart(place, width, height) {
    const { page, times } = this, about = page.words.charts[place], { observed: seen, gained } = page.policy.charts[place];
    const before = gained ? MIDDLE : 0;  // moments from the middle of a year to its end
    const inUnit = (bands) => bands(place).map((values) => values.slice(before).map((value) => value * about.factor));
    const [own, base] = [this.own, this.base].map(inUnit), inside = ([time]) => time >= times[0] && time <= times.at(-1);
    const dots = seen ? seen.times.map((time, k) => [time, seen.values[k] * about.factor]).filter(inside) : [];
    const [low, high] = span([...own, base[2], dots.map(([, value]) => value)]);
    // units are the customary ones of each language, so no number needs a word for its size
    const { box, x, y, parts, text } = frame(low, high, times, width, height, about.unit, 5, false);
    const xs = times.slice(0, times.length - before).map((time) => tenth(x(time)));
    const upright = (at, how) => drawn("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, "stroke-width": 1, ...how });
    for (const [least, most, fill] of [[0, 4, BLUE.band], [1, 3, BLUE.core]])
      parts.push(drawn("path", { d: area(xs, own[least], own[most], y), fill }));
    across(times, marksOver(width), x, box, parts, text);
    for (const start of this.starts) parts.push(upright(x(start), { stroke: "#8a1c1c" }));
    if (this.changed) parts.push(drawn("path", { d: path(xs, base[2], y), fill: "none", ...DASHED }));
    parts.push(drawn("path", { d: path(xs, own[2], y), fill: "none", stroke: BLUE.main, "stroke-width": 2.4 }));
    const dot = { r: 3, fill: "#fff", stroke: INK, "stroke-width": 1.4 };
    for (const [time, value] of dots) parts.push(drawn("circle", { cx: x(time), cy: y(value), ...dot }));
    parts.push(upright(xs[Math.max(this.at - before, 0)], { stroke: INK, "stroke-dasharray": "1 2" }));
    const value = this.reading(place), told = this.say("picture", { name: about.name, value });
    const svg = drawn("svg", { role: "img", viewBox: `0 0 ${width} ${height}`, "aria-label": told }, ...parts);
    const point = (event) => {
      const { left, width: wide } = svg.getBoundingClientRect(), part = ((event.clientX - left) / wide * width - 52) / (width - 64);
      this.look(Math.round(part * (times.length - 1)) + before);
    };
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });
    return [made("figcaption", {}, about.name), svg, made("div", { className: "read" }, value)];
  }

  // The years in which ends begin: those given, and medians of those that wait, without what most draws never reach.
  get starts() {
    const { found, began } = this.page.answer;
    return [...found.map(({ start }) => start), ...began.map(({ years }) => spreadOf(years)[2]).filter(Number.isFinite)];
  }

  reading(place) {
    const { unit } = this.page.words.charts[place], at = (bands) => this.numbers(place, bands(place).map((values) => values[this.at]));
    const [low, , median, , high] = at(this.own), sized = (value) => (unit === "%" ? `${value}%` : value);
    const mine = this.say("bracketed", { text: sized(median), more: this.say("to", { low, high }) });
    const value = this.changed ? this.say("beside", { text: mine, base: sized(at(this.base)[2]) }) : mine;
    return this.say("at", { year: yearTo(this.times[this.at]), text: unit === "%" ? value : this.say("measured", { value, unit }) });
  }

  // Quantiles of one moment in the chart's unit; so small a part of the highest as rounding leaves is none.
  numbers(place, values) {
    const { words, policy } = this.page;
    return values.map((value) => told(beside(policy, value, values.at(-1)) * words.charts[place].factor, 3));
  }

  key() {
    const sign = (...parts) => drawn("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, ...parts);
    const line = (more) => sign(drawn("line", { x1: 1, x2: 33, y1: 6, y2: 6, ...more }));
    const box = (fill) => sign(drawn("rect", { x: 1, y: 1, width: 32, height: 10, fill }));
    const entries = [[line({ stroke: BLUE.main, "stroke-width": 2.4 }), "here"], [box(BLUE.core), "half"], [box(BLUE.band), "most"]];
    if (this.changed) entries.push([line(DASHED), "base"]);
    if (this.starts.length) entries.push([line({ stroke: "#8a1c1c" }), "begins"]);
    const dot = () => sign(drawn("circle", { cx: 17, cy: 6, r: 3, fill: "#fff", stroke: INK }));
    if (this.page.policy.charts.some((one) => one.observed)) entries.push([dot(), "observed"]);
    const keys = entries.map(([, key]) => this.say(key));
    if (String(keys) === this.keys) return;
    this.keys = String(keys);
    byId("key").replaceChildren(...entries.map(([picture], i) => made("li", {}, picture, keys[i])));
  }

  // What a year that ends at a moment is told by: the mean of its quarters, or what is gained in it, or there at its end.
  yearly(place, i) {
    const { model, policy, result, answer: { draws } } = this.page, chart = policy.charts[place];
    if (!chart.mean) return this.own(place).map((values) => values[i]);
    const quarters = valuesOf(model, chart, result.made, [4, 3, 2, 1].map((by) => policy.shown[i] - by), draws);
    return fan(draws.map((_, k) => [0, 1, 2, 3].reduce((sum, q) => sum + quarters[q * draws.length + k], 0) / YEAR));
  }

  table() {
    if (!this.own || !byId("table-part").open) return;
    const { charts } = this.page.words, rows = [...this.times.keys()].filter((i) => i % YEAR === 0);
    const head = (text) => made("th", { scope: "col" }, text);
    const heads = [this.say("year"), ...charts.map((one) => this.say("bracketed", { text: one.name, more: one.unit }))];
    const cell = (place, i) => {
      const [low, , median, , high] = this.numbers(place, this.yearly(place, i));
      return made("td", { "data-head": heads[place + 1] }, this.say("bracketed", { text: median, more: this.say("to", { low, high }) }));
    };
    const row = (i) => made("tr", {}, made("th", { scope: "row" }, yearTo(this.times[i])), ...charts.map((_, place) => cell(place, i)));
    byId("table").replaceChildren(made("thead", {}, made("tr", {}, ...heads.map(head))), made("tbody", {}, ...rows.map(row)));
  }

  // Over how many years a chart's numbers are gained.
  over(place) { return this.page.policy.charts[place].gained ? 1 : 0; }

  // All bands, of what is gained over a year from one moment to another, dates of stages, and at the end the address of the setting that they are of.
  csv() {
    const cell = (text) => `"${String(text).replace(/^(?=[=+\-@\t\r])/, "'").replaceAll('"', '""')}"`;
    const lines = ["run,quantity,unit,from,to,p5,p25,median,p75,p95"];
    for (const [name, bands] of [["here", this.own], ["base", this.base]])
      this.page.words.charts.forEach((one, place) => this.times.forEach((time, i) =>
        lines.push([...[this.say(name), one.name, one.unit].map(cell), time - this.over(place), time, ...bands(place).map((values) => values[i] * one.factor)]
          .join(","))));
    this.page.policy.path.stages.forEach(({ name }, i) => [["here", "own"], ["base", "base"]].forEach(([run, which]) => {
      const years = this.page.dated.stages[i][which].map((year) => (Number.isFinite(year) ? year : ""));
      lines.push([...[this.say(run), this.page.words.stages[name], this.say("year")].map(cell), "", "", ...years].join(","));
    }));
    lines.push(`setting,${cell(this.page.setting.address(this.page.result.asked) || "#")},,,,,,,,`);
    return `\ufeff${lines.join("\r\n")}\r\n`;
  }
}
