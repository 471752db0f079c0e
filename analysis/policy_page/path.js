// The long path as a picture, tables and words: stages, barriers and clocks of what is set, and which loop was strongest when.

const LED = { reinforcing: BLUE.core, balancing: "#e3b98a", changing: "#d3d8de" }, WINDOW = "#fbeecb", ROW = 44, HEAD = 18, MARKET = 66, PAPER = 640;
// halves go to the even number, as the commands round them
const whole = (share) => { const low = Math.floor(100 * share); return 100 * share - low === 0.5 ? low + low % 2 : Math.round(100 * share); };

class Path {
  constructor(page) {
    Object.assign(this, { page, width: 280, waiting: false, leave: () => {} });
    const parts = ["path-head", "path", "clocks", "stages", "waits"].map(byId);
    this.sight = new Sight(parts, () => { if (this.sight.size && this.waiting) this.draw(); });
    window.addEventListener("beforeprint", () => { if (this.waiting) this.tell(); });
    new ResizeObserver(() => {
      this.width = Math.max(280, byId("path").clientWidth);
      this.draw();
    }).observe(byId("path"));
    const drawn = (width) => { this.width = width; if (page.answer) this.picture(); };
    window.addEventListener("beforeprint", () => drawn(PAPER));  // what was folded has no width of its own
    window.addEventListener("afterprint", () => drawn(Math.max(280, byId("path").clientWidth)));
  }

  say(key, fields) { return this.page.say(key, fields); }

  get changed() { return Object.keys(this.page.result.asked.instruments).length > 0; }

  tell() {
    this.leave();
    this.waiting = false;
    this.stages();
    this.waits();
    byId("path-note").hidden = !this.changed;
    const { clocks } = this.page.dated, { window: [low, high], large } = this.page.policy.path;
    const stage = this.page.words.stages[large];
    byId("clocks").replaceChildren(...clocks.map(({ year, years, inside }, i) => {
      const fields = { stage, clock: this.page.words.clocks[i], year: moment(year), years: this.spread(years), inside: whole(inside), low, high };
      return made("li", {}, this.say("clock", fields));
    }), made("li", {}, this.page.words.choice), ...this.misses());
    this.picture();
  }

  // Stages whose observed date the model misses under what happened, whatever is set.
  misses() {
    const apart = this.page.policy.path.stages.filter(missed), { words } = this.page;
    const told = ({ name, observed, modelled: [low, middle, high] }) => this.say("miss", {
      stage: words.stages[name], observed: observed.toFixed(1), middle: middle.toFixed(1), low: low.toFixed(1), high: high.toFixed(1),
    });
    return apart.map((one) => made("li", { className: "miss" }, told(one)));
  }

  // A date, or that there is none by the horizon.
  date(value) { return Number.isFinite(value) ? value.toFixed(1) : this.say("not reached", { horizon: this.page.policy.horizon }); }

  years(value) {
    if (Math.abs(value) === Infinity) return this.say(value > 0 ? "not reached" : "only here", { horizon: this.page.policy.horizon });
    return Number.isFinite(value) ? (Math.round(10 * value) / 10 + 0).toFixed(1).replace("-", "\u2212") : "\u2013";
  }

  spread([low, , median, , high], as = (value) => this.years(value), open = "or more") {
    if (!Number.isFinite(median)) return as(median);
    const ends = high === Infinity ? this.say(open, { low: as(low) }) : this.say("to", { low: as(low), high: as(high) });
    return this.say("bracketed", { text: as(median), more: ends });
  }

  // Cells know their heads, which narrow screens show beside them.
  table(place, heads, rows) {
    const { horizon } = this.page.policy, said = heads.map((key) => this.say(key, { horizon }));
    const cell = (text, i) => made(i ? "td" : "th", i ? { "data-head": said[i], className: heads[i] } : { scope: "row" }, text);
    const head = made("tr", {}, ...said.map((text, i) => made("th", { scope: "col", className: heads[i] }, text)));
    byId(place).replaceChildren(made("thead", {}, head), made("tbody", {}, ...rows.map((row) => made("tr", {}, ...row.map(cell)))));
  }

  // What both tables hold of a stage or a wait, beside its name.
  cells({ own, base, lost, never, neverBase }, as, open) {
    const none = (share) => `${percent(share)}%`, same = lost.every((one) => Math.abs(one) < 0.05);
    if (!this.changed) return [this.spread(own, as, open), none(never)];
    return [this.spread(own, as, open), as(base[2]), same ? this.say("same") : this.spread(lost), `${none(never)} / ${none(neverBase)}`];
  }

  heads(lost) { return this.changed ? ["here", "base", lost, "missed both"] : ["here", "missed"]; }

  stages() {
    const { words, policy, dated, model } = this.page, before = this.say("before", { year: moment(model.time.values[0]) });
    this.table("stages", ["stage", "observed", ...this.heads("lost")], policy.path.stages.map((stage, i) => {
      const one = dated.stages[i], cells = this.cells(one, (value) => this.date(value), "or later");
      const { name, observed } = stage, seen = observed === null ? "\u2013" : `${observed.toFixed(1)}${missed(stage) ? "*" : ""}`;
      return [words.stages[name], seen, ...(one.already ? [before, ...cells.slice(1).map(() => "\u2013")] : cells)];
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

  // Years of a stretch, and that they are ahead of all that was observed.
  stretch({ first, last }) {
    const years = first === last ? `${first}` : this.say("to", { low: first, high: last });
    return first > this.page.policy.path.seen ? this.say("ahead", { years }) : years;
  }

  loops() {
    const { words, policy } = this.page, { led } = policy.path;
    const worth = (size) => (size === null ? "\u2013" : size < 0.001 ? "<0.1%" : `${percent(size, size < 0.1 ? 1 : 0)}%`);
    this.table("led", ["years", "loop", "led", "worth", "runs"], led.map((one, i) => [
      this.stretch(one), words.led[i].name, `${percent(one.share, 0)}%`, worth(one.worth), words.led[i].meaning,
    ]));
  }

  // In the frame after that of charts and verdict, which else came later; out of sight not before moves rest.
  draw() {
    if (!this.page.answer) return;
    this.leave();
    this.waiting = true;
    if (this.sight.size) {
      let frame = requestAnimationFrame(() => { frame = requestAnimationFrame(() => this.tell()); });
      this.leave = () => cancelAnimationFrame(frame);
    } else {
      const rest = setTimeout(() => this.tell(), REST);
      this.leave = () => clearTimeout(rest);
    }
  }

  // ---- the picture

  picture() {
    const { page, width } = this, { policy, words } = page, { clocks, window: [least, most], barriers } = policy.path;
    const times = [clocks[0], policy.horizon], lead = HEAD + ROW * barriers.length, height = lead + MARKET + ROW + 34;
    const box = { left: 8, right: width - 12, top: 0, bottom: height - 26 };
    const x = (time) => box.left + (box.right - box.left) * (Math.min(time, times[1]) - times[0]) / (times[1] - times[0]);
    const text = (content, attributes) => drawn("text", { "font-size": 12, fill: INK, ...attributes }, content);
    const rect = (from, to, y, tall, how, ...more) => drawn("rect", { x: x(from), y, width: Math.max(x(to) - x(from), 0), height: tall, ...how }, ...more);
    const [from, to] = [clocks[0] + least, clocks[0] + most], label = this.say("window", { low: least, high: most, clock: words.clocks[0] });
    const ends = x(from) > width / 2 ? { x: x(to), "text-anchor": "end" } : { x: x(from) };
    const parts = [rect(from, to, 0, box.bottom, { fill: WINDOW }), text(label, { y: 12, fill: QUIET, "font-size": 11, ...ends })];
    const place = { x, rect, text, parts };
    barriers.forEach((one, i) => this.barrier(place, one, i, HEAD + ROW * i));
    this.market(place, lead);
    this.strip(place, lead + MARKET);
    across(times, Math.max(3, Math.floor(width / 80)), x, box, parts, text);
    const svg = drawn("svg", { role: "img", viewBox: `0 0 ${width} ${height}`, "aria-label": this.spoken() }, ...parts);
    byId("path").replaceChildren(svg);
  }

  // What the picture shows, for whoever hears it: waits, dates of shares, the strongest loop of the last years observed.
  spoken() {
    const { policy, words } = this.page, { path } = policy, shares = this.shares();
    const waits = path.barriers.map((_, i) => this.wait(i)), dates = shares.map(({ name, own }) => this.say("named", { name: words.stages[name], text: this.date(own[2]) }));
    const now = path.led.findLastIndex(({ last }) => last <= path.seen);
    return [...waits, ...dates, ...(now < 0 ? [] : [this.say("named", { name: this.say("strip"), text: this.say("bracketed", { text: words.led[now].name, more: this.stretch(path.led[now]) }) })])].join(this.say("apart"));
  }

  // Medians of a stage by name on a path: `own` or `base`.
  at(name, which) { return this.page.dated.stages[this.page.policy.path.stages.findIndex((one) => one.name === name)][which]; }

  // How long a barrier holds, in words.
  wait(i) {
    const { dated, words, model } = this.page, { before, least, own } = dated.waits[i];
    const named = (text) => this.say("named", { name: words.barriers[i], text });
    if (before) return named(this.say("before", { year: moment(model.time.values[0]) }));
    const years = Number.isFinite(own[2]) ? this.say("wait", { years: this.spread(own) }) : this.years(own[2]);
    return named(least ? this.say("least", { years }) : years);
  }

  barrier({ x, rect, text, parts }, { begins, ends }, i, top) {
    const { dated, policy } = this.page, [clock] = policy.path.clocks, told = this.wait(i);
    parts.push(text(told, { x: 8, y: top + 16 }));
    if (dated.waits[i].before) return;  // there are no years to draw
    const from = (which) => (begins ? this.at(begins, which)[2] : clock), [low, , , , high] = this.at(ends, "own");
    parts.push(rect(from("own"), this.at(ends, "own")[2], top + 22, 13, { fill: BLUE.core }, drawn("title", {}, told)));
    const middle = top + 28.5, line = { x1: x(low), x2: x(high), y1: middle, y2: middle, stroke: BLUE.main, "stroke-width": 2 };
    parts.push(drawn("line", line));
    if (this.changed) parts.push(rect(from("base"), this.at(ends, "base")[2], top + 20, 17, { fill: "none", ...DASHED }));
  }

  shares() {
    return this.page.policy.path.stages.map((one, i) => ({ ...one, ...this.page.dated.stages[i] })).filter((one) => one.of.length === 1 && one.level < 1);
  }

  // When the share of the market reaches its levels, each kind in a line of its own: yours, below it the path held against, then
  // what was observed.
  market({ x, text, parts }, top) {
    const [y, against, saw] = [top + 34, top + 50, top + 60];
    parts.push(text(this.say("market"), { x: 8, y: top + 16 }));
    this.shares().forEach(({ name, own: [low, , median, , high], base, observed }) => {
      const dot = (year, at, how) => {
        if (!Number.isFinite(year)) return;
        const told = drawn("title", {}, this.say("named", { name: this.page.words.stages[name], text: year.toFixed(1) }));
        parts.push(drawn("circle", { cx: x(year), cy: at, ...how }, told));
      };
      if (this.changed) dot(base[2], against, { r: 4, fill: "none", ...DASHED, "stroke-dasharray": "2 2" });
      dot(observed ?? NaN, saw, { r: 3.5, fill: "#fff", stroke: INK });
      if (!Number.isFinite(median)) return;
      parts.push(drawn("line", { x1: x(low), x2: x(high), y1: y, y2: y, stroke: BLUE.main, "stroke-width": 2 }));
      dot(median, y, { r: 3, fill: BLUE.main });
    });
    this.levels({ x, text, parts }, y - 8);
  }

  // Levels stand above their dates where there is room beside the one before.
  levels({ x, text, parts }, y) {
    let end = -Infinity;
    for (const { own: [, , median], level } of this.shares()) {
      const label = `${percent(level, 0)}%`, wide = 7 * label.length + 10, at = x(median);
      if (!Number.isFinite(median) || at - wide / 2 < end) continue;
      parts.push(text(label, { x: at, y, "text-anchor": "middle" }));
      end = at + wide / 2;
    }
  }

  strip({ x, rect, text, parts }, top) {
    const { led, clocks, seen } = this.page.policy.path, { horizon } = this.page.policy, { words } = this.page;
    parts.push(text(this.say("strip"), { x: 8, y: top + 22 }));
    led.forEach((one, i) => {
      const [from, to] = [Math.max(one.first, clocks[0]), Math.min(one.last + 1, horizon)], { name } = words.led[i], [code] = name.split(/[^A-Za-z0-9]/);
      if (from >= to) return;
      const how = { fill: LED[one.polarity], stroke: "#fff", opacity: one.first > seen ? 0.55 : 1 };
      parts.push(rect(from, to, top + 28, 16, how, drawn("title", {}, this.say("named", { name: this.stretch(one), text: name }))));
      if (x(to) - x(from) > 7 * code.length + 2) parts.push(text(code, { x: (x(from) + x(to)) / 2, y: top + 40, "text-anchor": "middle", "font-size": 11 }));
    });
  }
}

// Whether what was observed lies outside 90% of the dates that the model has under what happened, all as they are shown.
const missed = ({ observed, modelled }) => {
  if (observed === null || modelled === null) return false;
  const [seen, low, high] = [observed, modelled[0], modelled[2]].map((year) => Number(year.toFixed(1)));
  return seen < low || seen > high;
};
