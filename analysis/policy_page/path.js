// The long path as a picture, tables and words: stages, barriers and clocks of what is set, and which loop led when.

const LED = { reinforcing: BLUE.core, balancing: "#e3b98a", changing: "#d3d8de" }, WINDOW = "#fbeecb", ROW = 44;

class Path {
  constructor(page) {
    Object.assign(this, { page, width: 280 });
    new ResizeObserver(() => {
      this.width = Math.max(280, byId("path").clientWidth);
      this.draw();
    }).observe(byId("path"));
  }

  say(key, fields) { return this.page.say(key, fields); }

  get changed() { return Object.keys(this.page.result.asked.instruments).length > 0; }

  tell() {
    this.stages();
    this.waits();
    const { clocks } = this.page.dated, { window: [low, high], large } = this.page.policy.path;
    const stage = this.page.words.stages[large];
    byId("clocks").replaceChildren(...clocks.map(({ year, years, inside }, i) => {
      const fields = { stage, clock: this.page.words.clocks[i], year: moment(year), years: this.spread(years), inside: percent(inside, 0), low, high };
      return made("li", {}, this.say("clock", fields));
    }));
    this.picture();
  }

  // A date, or that there is none by the horizon.
  date(value) { return Number.isFinite(value) ? value.toFixed(1) : this.say("not reached", { horizon: this.page.policy.horizon }); }

  years(value) { return Number.isFinite(value) ? (Math.round(10 * value) / 10 + 0).toFixed(1).replace("-", "\u2212") : "\u2013"; }

  spread([low, , median, , high], as = (value) => this.years(value)) {
    return Number.isFinite(median) ? `${as(median)} (${this.say("to", { low: as(low), high: as(high) })})` : as(median);
  }

  table(place, heads, rows) {
    const cell = (text, i) => made(i ? "td" : "th", i ? {} : { scope: "row" }, text);
    const head = made("tr", {}, ...heads.map((key) => made("th", { scope: "col" }, this.say(key))));
    byId(place).replaceChildren(made("thead", {}, head), made("tbody", {}, ...rows.map((row) => made("tr", {}, ...row.map(cell)))));
  }

  // What both tables hold of a stage or a wait, beside its name.
  cells({ own, base, lost, never, neverBase }, as) {
    const none = (share) => `${percent(share)}%`, same = lost.every((one) => Math.abs(one) < 0.05);
    if (!this.changed) return [this.spread(own, as), none(never)];
    const missed = never || neverBase ? this.say("both", { own: none(never), base: none(neverBase) }) : none(0);
    return [this.spread(own, as), as(base[2]), same ? this.say("same") : this.spread(lost), missed];
  }

  heads(lost) { return this.changed ? ["here", "base", lost, "missed"] : ["here", "missed"]; }

  stages() {
    const { words, policy, dated, model } = this.page, before = this.say("before", { year: moment(model.time.values[0]) });
    this.table("stages", ["stage", "observed", ...this.heads("lost")], policy.path.stages.map(({ name, observed }, i) => {
      const one = dated.stages[i], cells = this.cells(one, (value) => this.date(value));
      return [words.stages[name], observed === null ? "\u2013" : observed.toFixed(1), ...(one.already ? [before, ...cells.slice(1).map(() => "\u2013")] : cells)];
    }));
  }

  waits() {
    const { words, dated, model } = this.page, before = this.say("before", { year: moment(model.time.values[0]) });
    const heads = this.heads("longer");
    this.table("waits", ["barrier", ...heads], dated.waits.map((one, i) => {
      if (one.before) return [words.barriers[i], before, ...heads.slice(1).map(() => "\u2013")];
      const [own, ...rest] = this.cells(one, (value) => this.years(value));
      return [words.barriers[i], one.least ? this.say("least", { years: own }) : own, ...rest];
    }));
  }

  loops() {
    const { words, policy } = this.page, { led } = policy.path, years = ({ first, last }) => (first === last ? `${first}` : this.say("to", { low: first, high: last }));
    this.table("led", ["years", "loop", "led", "runs"], led.map((one, i) => [years(one), words.led[i].name, `${percent(one.share, 0)}%`, words.led[i].meaning]));
  }

  // In the frame after that of charts and verdict, which else came later.
  draw() {
    if (!this.page.answer || this.waiting) return;
    this.waiting = requestAnimationFrame(() => requestAnimationFrame(() => { this.waiting = 0; this.tell(); }));
  }

  // ---- the picture

  picture() {
    const { page, width } = this, { policy, dated, words } = page, { clocks, window: late, barriers } = policy.path;
    const times = [clocks[0], policy.horizon], rows = barriers.length + 2, height = ROW * rows + 30;
    const box = { left: 8, right: width - 12, top: 0, bottom: ROW * rows + 4 };
    const x = (time) => box.left + (box.right - box.left) * (Math.min(time, times[1]) - times[0]) / (times[1] - times[0]);
    const text = (content, attributes) => drawn("text", { "font-size": 12, fill: INK, ...attributes }, content);
    const rect = (from, to, y, tall, how) => drawn("rect", { x: x(from), y, width: Math.max(x(to) - x(from), 0), height: tall, ...how });
    const parts = [rect(clocks[0] + late[0], clocks[0] + late[1], 0, box.bottom, { fill: WINDOW })], place = { x, rect, text, parts };
    barriers.forEach((one, i) => this.barrier(place, one, i, ROW * i));
    this.market(place, ROW * barriers.length);
    this.strip(place, ROW * (rows - 1));
    across(times, Math.max(3, Math.floor(width / 80)), x, box, parts, text);
    const label = [...barriers.map((_, i) => `${words.barriers[i]}: ${this.spread(dated.waits[i].own)}`)].join("; ");
    const svg = drawn("svg", { role: "img", viewBox: `0 0 ${width} ${height}`, "aria-label": label }, ...parts);
    byId("path").replaceChildren(svg);
  }

  // Medians of a stage by name on a path: `own` or `base`.
  at(name, which) { return this.page.dated.stages[this.page.policy.path.stages.findIndex((one) => one.name === name)][which]; }

  barrier({ x, rect, text, parts }, { begins, ends }, i, top) {
    const { dated, policy, words, model } = this.page, { before, least, own } = dated.waits[i], [clock] = policy.path.clocks;
    const from = (which) => (begins ? this.at(begins, which)[2] : clock), [low, , , , high] = this.at(ends, "own");
    const years = before ? this.say("before", { year: moment(model.time.values[0]) }) : this.say("wait", { years: this.spread(own) });
    parts.push(text(`${words.barriers[i]}: ${least && !before ? this.say("least", { years }) : years}`, { x: 8, y: top + 16 }));
    parts.push(rect(from("own"), this.at(ends, "own")[2], top + 22, 13, { fill: before ? "#d3d8de" : BLUE.core }));
    if (before) return;
    const middle = top + 28.5, line = { x1: x(low), x2: x(high), y1: middle, y2: middle, stroke: BLUE.main, "stroke-width": 2 };
    parts.push(drawn("line", line));
    if (this.changed) parts.push(rect(from("base"), this.at(ends, "base")[2], top + 20, 17, { fill: "none", ...DASHED }));
  }

  // When the share of the market reaches its levels: in every second stage the level stands above, in the others below.
  market({ x, text, parts }, top) {
    const shares = this.page.policy.path.stages.map((one, i) => ({ ...one, ...this.page.dated.stages[i] })).filter((one) => one.of.length === 1 && one.level < 1);
    const y = top + 30;
    parts.push(text(this.say("market"), { x: 8, y: top + 16 }));
    shares.forEach(({ own: [low, , median, , high], base, observed, level }, i) => {
      if (this.changed && Number.isFinite(base[2])) parts.push(drawn("circle", { cx: x(base[2]), cy: y, r: 6, fill: "none", ...DASHED, "stroke-dasharray": "2 2" }));
      if (observed) parts.push(drawn("circle", { cx: x(observed), cy: y, r: 4.5, fill: "#fff", stroke: INK }));
      if (!Number.isFinite(median)) return;
      parts.push(drawn("line", { x1: x(low), x2: x(high), y1: y, y2: y, stroke: BLUE.main, "stroke-width": 2 }));
      parts.push(drawn("circle", { cx: x(median), cy: y, r: 3, fill: BLUE.main }));
      parts.push(text(`${percent(level, 0)}%`, { x: x(median), y: i % 2 ? y + 17 : y - 8, "text-anchor": "middle" }));
    });
  }

  strip({ x, rect, text, parts }, top) {
    const { led, clocks } = this.page.policy.path, { horizon } = this.page.policy, { words } = this.page;
    parts.push(text(this.say("strip"), { x: 8, y: top + 22 }));
    led.forEach(({ first, last, polarity }, i) => {
      const [from, to] = [Math.max(first, clocks[0]), Math.min(last + 1, horizon)], [code] = words.led[i].name.split(/[^A-Za-z0-9]/);
      if (from >= to) return;
      parts.push(rect(from, to, top + 28, 16, { fill: LED[polarity], stroke: "#fff" }));
      if (x(to) - x(from) > 7 * code.length + 2) parts.push(text(code, { x: (x(from) + x(to)) / 2, y: top + 40, "text-anchor": "middle", "font-size": 11 }));
    });
  }
}
