// The page: what is set and its address, the answer, charts, and words in the language chosen.  All text is set as text.

SCALES.length = 0;  // units are the customary ones of each language, so no number needs a word for its size

const NUMBERS = ["level", "since", "start", "length", "announced"];

class Policy {
  constructor(model, runs, note) {
    Object.assign(this, { model, runs, note, policy: model.policy, bases: {}, language: model.language, count: 0 });
    this.times = this.policy.shown.map((i) => model.time.values[i]);
    this.at = this.times.length - 1;
    this.limits = model.policy.limits;
    this.setting = this.plain();
    byId("moment").max = this.at;
    byId("moment").oninput = () => this.look(Number(byId("moment").value));
    byId("copy").onclick = () => this.copy();
    byId("csv").onclick = () => save(`${this.policy.case}.csv`, this.csv());
    byId("try").onclick = () => this.scan();
    byId("print").onclick = () => window.print();
    byId("table-part").ontoggle = () => this.table();
    window.addEventListener("hashchange", () => { if (location.hash !== this.address()) this.reopen(); });
    new ResizeObserver(() => this.draw()).observe(byId("charts"));
  }

  plain() { return { base: this.policy.bases[0], third: "all", instruments: {} }; }

  usual() { return { level: 100, since: this.policy.since, shape: "", start: this.policy.usual, length: this.policy.length, announced: 0 }; }

  of(name) { return this.setting.instruments[name] ?? this.usual(); }

  get words() { return this.model.said[this.language]; }

  say(key, fields = {}) { return this.words.texts[key].replace(/\{(\w+)\}/g, (_, name) => fields[name]); }

  capital(text) { return text.slice(0, 1).toUpperCase() + text.slice(1); }

  // ---- what is set

  set(name, change) {
    const one = { ...this.of(name), ...change }, { over } = this.policy;
    if (overBy(this.policy, one) > over) one.length = over - one.start;
    if (isUsual(one)) delete this.setting.instruments[name]; else this.setting.instruments[name] = one;
    this.moved();
  }

  begin({ base, set }) {
    this.setting.base = base;
    this.setting.instruments = Object.fromEntries(Object.entries(set).map(([name, one]) => [name, { ...this.usual(), ...one }]));
    this.moved();
  }

  draws() {
    const place = ["weak", "middle", "strong"].indexOf(this.setting.third);
    return this.policy.third.flatMap((third, i) => (place < 0 || third === place ? [i] : []));
  }

  async basis(base) {
    this.bases[base] ??= await this.runs.ask({ values: {}, curves: curvesOf(this.model, { base, instruments: {} }) }, () => {});
    return this.bases[base];
  }

  async moved(noted = true) {
    byId("status").textContent = "";
    this.forget();
    this.show();
    if (noted) this.remember();
    const asked = structuredClone(this.setting), started = performance.now();
    this.asked = asked;
    const basis = this.bases[asked.base] ?? await this.basis(asked.base);
    const made = Object.keys(asked.instruments).length ? await this.runs.ask({ values: {}, curves: curvesOf(this.model, asked) }, () => {}) : basis;
    if (!made || !basis || this.asked !== asked) return;
    this.result = { asked, made, basis };
    this.told();
    this.spent = performance.now() - started;
    this.count += 1;
    document.documentElement.dataset.moves = this.count;
  }

  told() {
    const { asked, made, basis } = this.result, { model } = this, last = model.time.values.length - 1;
    const fine = (runs, run) => model.outputs.every((_, place) => Number.isFinite(runs[(run * (last + 1) + last) * model.outputs.length + place]));
    const wanted = this.draws(), draws = wanted.filter((run) => fine(made, run) && fine(basis, run));
    this.answer = { ...judged(model, asked, made, basis, draws), draws, bad: wanted.length - draws.length, overpaid: overpaid(model, asked, made) };
    const bands = (runs) => this.policy.charts.map((chart) => band(model, chart, runs, draws));
    this.own = bands(made);
    this.base = bands(basis);
    this.verdict();
    this.draw();
    this.table();
  }

  // ---- the answer

  verdict() {
    const { found, fails, saved, sold, draws, bad } = this.answer, { rule } = this.policy, { words } = this, percent = (share, digits = 1) => String(Number((100 * share).toFixed(digits)));
    const part = byId("verdict"), reasons = [], beyond = this.answer.overpaid.length > 0;
    const said = beyond ? "beyond" : fails === null ? "no exit" : verdictOf(rule, fails, draws.length);
    part.className = { safe: "safe", "not safe": "unsafe", open: "open", beyond: "open" }[said] ?? "";
    byId("answer").textContent = this.say(said);
    for (const [name, count] of this.answer.overpaid) reasons.push(this.say("overpaid", { instrument: this.capital(words.instruments[name]), count, draws: this.model.draws }));
    if (fails === null && !beyond) reasons.push(this.say("ask"));
    for (const one of found) {
      const [low, , median, , high] = fan(one.ratio).map((value) => percent(value, 0));
      const fields = { year: moment(one.year - 1) === String(one.year - 1) ? `${moment(one.year - 1)}\u2013${moment(one.year)}` : moment(one.year), kept: percent(rule.kept, 0), fails: percent(one.fails), draws: draws.length, probability: percent(rule.probability, 0) };
      reasons.push(this.say("rule", fields) + (this.language === "zh" ? "" : " ") + this.say("share", { median, low, high }));
    }
    for (const { back } of found) reasons.push(this.say("past", { years: rule.years, fall: percent(rule.fall, 0), back: percent(back) }));
    if (said === "open") {
      const error = rule.doubt / Math.sqrt(draws.length), [low, high] = [rule.probability - error, rule.probability + error].map((value) => percent(Math.max(value, 0)));
      reasons.push(this.say("open why", { draws: draws.length, low, high, probability: percent(rule.probability, 0), all: this.policy.asked }));
    }
    if (found.length > 1) reasons.push(this.say("first", { years: rule.years }));
    if (Object.keys(this.result.asked.instruments).length) {
      const numbers = (values, { factor }) => { const [low, , median, , high] = fan(values).map((value) => told(value * factor, 3)); return { low, median, high }; };
      const horizon = this.policy.horizon;
      reasons.push(this.say("saved", { ...numbers(saved, words.money), unit: words.money.unit, horizon, base: this.policy.year, rate: percent(this.policy.rate, 1) }));
      reasons.push(this.say("sold", { ...numbers(sold, words.sold), unit: words.sold.unit, horizon }));
    }
    for (const name of idle(this.model, this.result.asked)) reasons.push(this.say("idle", { instrument: this.capital(words.instruments[name]), start: moment(this.result.asked.instruments[name].start) }));
    if (this.setting.third !== "all") reasons.push(this.say("few"));
    if (fails !== null && this.setting.base !== this.policy.bases[0]) reasons.push(this.say("of history"));
    if (bad) reasons.push(this.say("bad", { count: bad, draws: draws.length + bad }));
    byId("reasons").replaceChildren(...reasons.map((one) => made("p", {}, one)));
    byId("command").textContent = this.command();
  }

  command() {
    const set = Object.entries(this.setting.instruments), ends = set.filter(([, one]) => one.shape), [, first] = ends[0] ?? [];
    if (!ends.length || ends.length < set.length || set.some(([, one]) => one.level !== 100 || ["shape", "start", "length", "announced"].some((key) => one[key] !== first[key]))) return this.say("none");
    const length = first.shape === "linear" ? ` --length ${first.length}` : "", ahead = first.announced ? ` --announced ${first.announced}` : "";
    const which = ends.map(([name]) => ` --instrument "${name}"`).join("");
    return `techcycle exit ${this.policy.case}${which} --start ${first.start} --shape ${first.shape}${length}${ahead} --against ${this.setting.base} --draws ${this.model.draws}`;
  }

  // ---- every start

  forget() {
    this.trial = null;
    byId("years").replaceChildren();
    byId("tried").textContent = "";
  }

  // The same ends from every year, one after the other, until anything is set anew.
  async scan() {
    const [low, high] = this.limits.start, asked = structuredClone(this.setting), draws = this.draws(), years = [];
    for (let year = Math.ceil(low); year <= high; year++) years.push(year);
    this.forget();
    if (!startingIn(asked, low)) { byId("tried").textContent = this.say("one start"); return; }
    const trial = { years, fails: [], draws: draws.length }, basis = await this.basis(asked.base);
    this.trial = trial;
    for (const year of years) {
      const setting = startingIn(asked, year);
      if (Object.values(setting.instruments).some((one) => overBy(this.policy, one) > this.policy.over)) { trial.years = years.slice(0, trial.fails.length); this.bars(); break; }
      const made = await this.runs.ask({ values: {}, curves: curvesOf(this.model, setting) });
      if (this.trial !== trial) return;
      trial.fails.push(overpaid(this.model, setting, made).length ? null : judged(this.model, setting, made, basis, draws).fails);
      this.bars();
    }
  }

  bars() {
    if (!this.trial) return;
    const { years, fails, draws } = this.trial, { rule } = this.policy, { probability } = rule, said = fails.map((share) => (share === null ? "beyond" : verdictOf(rule, share, draws)));
    const fill = { safe: "#166534", open: "#8c96a1", "not safe": "#b45309" };
    const { x, y, parts, text, box } = frame(0, 100, [years[0] - 0.6, years.at(-1) + 0.6], 640, 150, "%"), wide = x(years[0] + 0.35) - x(years[0] - 0.35);
    fails.forEach((share, i) => {
      if (share === null) return;  // it would exceed the price: no answer
      const top = y(Math.max(100 * share, 0.8)), at = x(years[i]);
      parts.push(drawn("rect", { x: at - wide / 2, y: top, width: wide, height: box.bottom - top, fill: fill[said[i]] }));
    });
    years.forEach((year, i) => { if (i % 5 === 0) parts.push(text(moment(year), { x: x(year), y: box.bottom + 17, "text-anchor": "middle" })); });
    parts.push(drawn("line", { x1: box.left, x2: box.right, y1: y(100 * probability), y2: y(100 * probability), stroke: INK, "stroke-dasharray": "4 3" }));
    const spans = (which) => {
      const found = [];
      years.forEach((year, i) => { if (said[i] === which) { const last = found.at(-1); if (last && last[1] === year - 1) last[1] = year; else found.push([year, year]); } });
      return found.map(([low, high]) => (low === high ? `${low}` : this.say("to", { low, high }))).join(", ");
    };
    const [safe, open] = [spans("safe"), spans("open")], answer = (safe ? this.say("safe in", { years: safe }) : this.say("safe never")) + (open ? ` ${this.say("open in", { years: open })}` : "") + (said.includes("beyond") ? ` ${this.say("beyond")}: ${spans("beyond")}` : "");
    byId("tried").textContent = fails.length < years.length ? this.say("trying", { done: fails.length, all: years.length }) : answer;
    const label = `${this.say("tried")}: ${fails.flatMap((share, i) => (share === null ? [] : `${years[i]}: ${Number((100 * share).toFixed(1))}`)).join(", ")}`;
    byId("years").replaceChildren(made("p", { className: "quiet" }, this.say("tried")), drawn("svg", { role: "img", viewBox: "0 0 640 150", "aria-label": label }, ...parts));
  }

  // ---- words and controls

  speak(language) {
    this.language = language;
    document.documentElement.lang = language;
    const { words } = this, text = (id, key, fields) => { byId(id).textContent = this.say(key, fields); };
    document.title = byId("title").textContent = words.title;
    text("lede", "lede", { draws: this.model.draws });
    for (const key of ["set", "others", "try", "copy", "csv", "print"]) text(key, key);
    text("read", "moment");
    text("table-head", "table");
    text("command-head", "command");
    for (const key of ["cannot", "happened", "evidence", "about"]) text(`${key}-head`, key);
    for (const [id, key] of [["controls", "set"], ["results", "results"], ["table-place", "table"], ["languages", "language"], ["asked", "settings"]]) byId(id).setAttribute("aria-label", this.say(key));
    for (const key of ["cannot", "happened", "evidence"]) byId(key).replaceChildren(...words[key].map((one) => made("li", {}, one)));
    byId("about").replaceChildren(...words.about.map((one) => made("p", {}, one)), made("p", { id: "checked" }));
    byId("languages").replaceChildren(...Object.entries(this.model.said).map(([code, { own }]) => {
      const one = made("button", { type: "button", lang: code }, own);
      one.setAttribute("aria-pressed", String(code === language));
      one.onclick = () => { this.speak(code); [...byId("languages").children].find((other) => other.lang === code).focus(); };
      return one;
    }));
    this.lay();
    this.show();
    this.checked();
    if (this.result) this.told();
    this.bars();
    this.look(this.at);
  }

  choice(label, options, chosen, change) {
    const select = made("select", {}, ...options.map(([value, text]) => made("option", { value }, text)));
    select.value = chosen;
    select.onchange = () => change(select.value);
    return [made("label", {}, label, select), select];
  }

  lay() {
    const { words, policy } = this;
    const [base, own] = this.choice(this.say("against"), policy.bases.map((one) => [one, this.say(one)]), this.setting.base, (value) => { this.setting.base = value; this.moved(); });
    const [third, thirds] = this.choice(this.say("buyers"), ["all", "weak", "middle", "strong"].map((one) => [one, this.say(one)]), this.setting.third, (value) => { this.setting.third = value; this.forget(); this.remember(); this.told(); });
    const [preset, presets] = this.choice(this.say("preset"), [["", this.say("choose")], ...words.presets.map(({ title }, i) => [i, title])], "", (value) => { if (value !== "") this.begin(words.presets[value]); presets.value = ""; });
    const reset = made("button", { type: "button" }, this.say("reset"));
    reset.onclick = () => { this.setting.instruments = {}; this.moved(); };
    this.selects = { base: own, third: thirds };
    this.reset = reset;
    byId("asked").replaceChildren(base, third, preset, reset);
    this.parts = policy.instruments.map((one) => this.instrument(one));
    byId("market").replaceChildren(...this.parts.filter((_, i) => policy.instruments[i].buyers).map((one) => one.element));
    byId("other").replaceChildren(...this.parts.filter((_, i) => !policy.instruments[i].buyers).map((one) => one.element));
    byId("rest").hidden = !byId("other").children.length;
  }

  instrument(about) {
    const { name } = about, spoken = this.words.instruments[name], place = this.policy.instruments.indexOf(about), parts = {}, rows = {};
    const number = (key, range) => {
      const [low, high, step] = this.limits[key], id = `i${place}-${key}`, label = this.say(key === "start" ? "start" : key);
      const field = made("input", { type: "number", id, min: low, max: high, step, ariaLabel: `${spoken}: ${label}` });
      const take = (value) => { if (value !== "" && field.validity.valid) this.set(name, { [key]: Number(value) }); };
      field.oninput = () => take(field.value);
      field.onchange = () => { if (field.value === "" || !field.validity.valid) { byId("status").textContent = this.say("number", { name: `${spoken}, ${label}`, low, high }); this.show(); } };
      parts[key] = [field];
      const row = [made("label", { htmlFor: id, className: range ? "" : "short" }, label)];
      if (range) {
        const slider = made("input", { type: "range", min: low, max: high, step, ariaLabel: `${spoken}: ${label}` });
        slider.oninput = () => this.set(name, { [key]: Number(slider.value) });
        parts[key].push(slider);
        row.push(slider);
      } else field.className = "one";
      rows[key] = [...row, field];
      return rows[key];
    };
    const shape = made("select", { id: `i${place}-shape` }, ...["", ...Object.keys(this.policy.shapes)].map((one) => made("option", { value: one }, this.say(one || "never"))));
    shape.onchange = () => this.set(name, { shape: shape.value });
    const picture = drawn("svg", { role: "img" });
    const fields = made("div", { className: "fields" }, ...number("level", true), ...number("since"), made("label", { htmlFor: `i${place}-shape` }, this.say("end")), shape, ...number("start", true), ...number("length", true), ...number("announced"));
    const element = made("fieldset", {}, made("legend", {}, this.capital(spoken)), made("p", { className: "quiet" }, `${this.words.words[name]} ${this.words.units[name].unit}`), made("div", { className: "path" }, picture), fields);
    const show = () => {
      const one = this.of(name), sloped = one.shape && this.policy.shapes[one.shape].length > 1;
      element.classList.toggle("changed", !isUsual(one));
      shape.value = one.shape;
      for (const key of NUMBERS) for (const field of parts[key]) {
        if (field !== document.activeElement || field.type === "range" || Number(field.value) !== one[key]) field.value = one[key];
        if (field.type === "range") field.setAttribute("aria-valuetext", String(one[key]));
      }
      for (const [key, on] of [["since", one.level !== 100], ["start", one.shape], ["length", sloped], ["announced", one.shape && about.announced]]) rows[key].forEach((part) => { part.hidden = !on; });
      this.picture(picture, about, one, spoken);
    };
    return { element, show };
  }

  // What is paid over time, and dashed what is on the path held against.
  picture(svg, about, one, spoken) {
    const { times } = this.policy, end = times.findLastIndex((time) => time <= this.policy.horizon), some = [...Array(end + 1).keys()].filter((i) => i % 2 === 0);
    const own = pathsOf(this.policy, about, this.setting.base, one).now, usual = about.bases[this.setting.base].now.full;
    const { factor } = this.words.units[about.name], pick = (values) => some.map((i) => values[i] * factor), at = some.map((i) => times[i]), [, high] = span([pick(own), pick(usual)]);
    const { x, y, parts, text, box } = frame(0, high, at, 390, 96, ""), xs = at.map((time) => tenth(x(time)));
    across(at, 5, x, box, parts, text);
    parts.push(drawn("path", { d: path(xs, pick(usual), y), fill: "none", stroke: "#5b6672", "stroke-dasharray": "4 3" }), drawn("path", { d: path(xs, pick(own), y), fill: "none", stroke: BLUE.main, "stroke-width": 2 }));
    svg.setAttribute("viewBox", "0 0 390 96");
    svg.setAttribute("aria-label", `${spoken}: ${this.say("paths")}`);
    svg.replaceChildren(...parts);
  }

  show() {
    this.parts.forEach((one) => one.show());
    this.selects.base.value = this.setting.base;
    this.selects.third.value = this.setting.third;
    this.reset.disabled = !Object.keys(this.setting.instruments).length;
  }

  // ---- charts

  look(place) {
    this.at = Math.min(Math.max(place, 0), this.times.length - 1);
    byId("moment").value = this.at;
    byId("at").textContent = moment(this.times[this.at]);
    byId("moment").setAttribute("aria-valuetext", moment(this.times[this.at]));
    this.draw();
  }

  draw() {
    if (!this.own || this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.drawn(); });
  }

  drawn() {
    const width = Math.max(280, Math.floor(byId("charts").firstElementChild?.clientWidth || 360)), height = 220;
    const changed = Object.keys(this.result.asked.instruments).length > 0;
    const figures = this.policy.charts.map((_, place) => this.chart(place, width, height, changed));
    byId("charts").replaceChildren(...figures);
    this.key(changed);
  }

  chart(place, width, height, changed) {
    const about = this.words.charts[place], scaled = (bands) => bands[place].map((values) => values.map((value) => value * about.factor)), { times } = this;
    const own = scaled(this.own), base = scaled(this.base), seen = this.policy.charts[place].observed, dots = seen ? seen.values.map((value) => value * about.factor) : [];
    const inside = (time) => time >= times[0] && time <= times[times.length - 1], [low, high] = span([...own, base[2], dots.filter((_, k) => inside(seen.times[k]))]);
    const { box, x, y, parts, text } = frame(low, high, times, width, height, about.unit), xs = times.map((time) => tenth(x(time)));
    parts.push(drawn("path", { d: area(xs, own[0], own[4], y), fill: BLUE.band }), drawn("path", { d: area(xs, own[1], own[3], y), fill: BLUE.core }));
    across(times, Math.max(3, Math.floor(width / 80)), x, box, parts, text);
    for (const { start } of this.answer.found) parts.push(drawn("line", { x1: x(start), x2: x(start), y1: box.top, y2: box.bottom, stroke: "#8a1c1c", "stroke-width": 1 }));
    if (changed) parts.push(drawn("path", { d: path(xs, base[2], y), fill: "none", stroke: "#5b6672", "stroke-width": 1.6, "stroke-dasharray": "4 3" }));
    parts.push(drawn("path", { d: path(xs, own[2], y), fill: "none", stroke: BLUE.main, "stroke-width": 2.4 }));
    dots.forEach((value, k) => { if (inside(seen.times[k])) parts.push(drawn("circle", { cx: x(seen.times[k]), cy: y(value), r: 3, fill: "#fff", stroke: INK, "stroke-width": 1.4 })); });
    const at = x(times[this.at]), i = this.at;
    parts.push(drawn("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, stroke: INK, "stroke-width": 1, "stroke-dasharray": "1 2" }));
    const value = `${told(own[2][i], 3)} ${about.unit} (${this.say("to", { low: told(own[0][i], 3), high: told(own[4][i], 3) })})${changed ? `; ${this.say("base")}: ${told(base[2][i], 3)}` : ""}`;
    const svg = drawn("svg", { role: "img", viewBox: `0 0 ${width} ${height}`, "aria-label": this.say("picture", { name: about.name, year: moment(times[i]), value }) }, ...parts);
    const point = (event) => { const { left, width: wide } = svg.getBoundingClientRect(); this.look(Math.round(((event.clientX - left) / wide * width - 52) / (width - 64) * (times.length - 1))); };
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });
    return made("figure", { className: "chart" }, made("figcaption", {}, about.name), svg, made("div", { className: "read" }, value));
  }

  key(changed) {
    const sign = (...parts) => drawn("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, ...parts), line = (more) => sign(drawn("line", { x1: 1, x2: 33, y1: 6, y2: 6, ...more }));
    const box = (fill) => sign(drawn("rect", { x: 1, y: 1, width: 32, height: 10, fill }));
    const entries = [[line({ stroke: BLUE.main, "stroke-width": 2.4 }), "here"], [box(BLUE.core), "half"], [box(BLUE.band), "most"]];
    if (changed) entries.push([line({ stroke: "#5b6672", "stroke-width": 1.6, "stroke-dasharray": "4 3" }), "base"]);
    if (this.policy.charts.some((one) => one.observed)) entries.push([sign(drawn("circle", { cx: 17, cy: 6, r: 3, fill: "#fff", stroke: INK })), "observed"]);
    byId("key").replaceChildren(...entries.map(([picture, key]) => made("li", {}, picture, this.say(key))));
  }

  table() {
    if (!this.own || !byId("table-part").open) return;
    const { charts } = this.words, rows = [...this.times.keys()].filter((i) => i % 4 === 0);
    const head = made("tr", {}, made("th", { scope: "col" }, this.say("year")), ...charts.map((one) => made("th", { scope: "col" }, `${one.name}, ${one.unit}`)));
    const cell = (place, i) => { const [low, , median, , high] = this.own[place].map((values) => told(values[i] * charts[place].factor, 3)); return made("td", {}, `${median} (${this.say("to", { low, high })})`); };
    byId("table").replaceChildren(made("thead", {}, head), made("tbody", {}, ...rows.map((i) => made("tr", {}, made("th", { scope: "row" }, moment(this.times[i])), ...charts.map((_, place) => cell(place, i))))));
  }

  csv() {
    const cell = (text) => `"${String(text).replace(/^(?=[=+\-@\t\r])/, "'").replaceAll('"', '""')}"`, lines = ["run,quantity,unit,time,p5,p25,median,p75,p95"];
    for (const [name, bands] of [[this.say("here"), this.own], [this.say("base"), this.base]])
      this.words.charts.forEach((one, place) => this.times.forEach((time, i) => lines.push([cell(name), cell(one.name), cell(one.unit), time, ...bands[place].map((values) => values[i] * one.factor)].join(","))));
    return `\ufeff${lines.join("\r\n")}\r\n`;
  }

  // ---- the address

  address() {
    const { base, third, instruments } = this.setting, usual = this.plain();
    if (base === usual.base && third === usual.third && !Object.keys(instruments).length) return "";
    return `#${encodeURIComponent(JSON.stringify(this.setting))}`;
  }

  remember() {
    clearTimeout(this.noting);
    this.noting = setTimeout(() => history.replaceState(null, "", this.address() || location.pathname + location.search), 400);
  }

  // What an address asks for, as far as this page has it; what it has not is told.
  read(hash) {
    const setting = this.plain(), wrong = [], { policy } = this;
    let asked = {};
    if (hash.length > 1) try { asked = JSON.parse(decodeURIComponent(hash.slice(1))) ?? {}; } catch { wrong.push("#"); }
    if (policy.bases.includes(asked.base)) setting.base = asked.base; else if (asked.base !== undefined) wrong.push(String(asked.base));
    if (["all", "weak", "middle", "strong"].includes(asked.third)) setting.third = asked.third;
    for (const [name, one] of Object.entries(asked.instruments ?? {})) {
      const known = policy.instruments.find((other) => other.name === name), fine = { ...this.usual() };
      let good = Boolean(known && one) && (one.shape === undefined || one.shape === "" || Object.hasOwn(policy.shapes, one.shape));
      if (good) fine.shape = one.shape ?? "";
      for (const key of NUMBERS) {
        const [low, high, step] = this.limits[key], value = one?.[key] ?? fine[key];
        good &&= typeof value === "number" && value >= low && value <= high && (key === "level" || Number.isInteger(value / step));
        fine[key] = value;
      }
      good &&= overBy(policy, fine) <= policy.over;
      if (good && !isUsual(fine)) setting.instruments[name] = fine; else if (!good) wrong.push(name);
    }
    return { setting, wrong };
  }

  async reopen() {
    const { setting, wrong } = this.read(location.hash);
    this.setting = setting;
    await this.moved(false);
    if (wrong.length) byId("status").textContent = this.say("left out", { what: plain(wrong.join("; ")) });
  }

  async copy() {
    history.replaceState(null, "", this.address() || location.pathname + location.search);
    try {
      await navigator.clipboard.writeText(location.href);
      byId("status").textContent = this.say("copied");
    } catch { byId("status").textContent = this.say("no copy"); }
  }

  // How far the path held against is here from the engine's own run of it, which the file brings along.
  checked() {
    const { model } = this, runs = this.bases[this.policy.bases[0]], time = model.time.values.length - 1;
    if (!runs || !model.check) return;
    const of = reader(model, runs), far = model.outputs.map(({ name }, i) => {
      const own = fan([...Array(model.draws).keys()].map((run) => of(name)(run, time)))[2];
      return Math.abs(own - model.check[i]) / (Math.max(Math.abs(own), Math.abs(model.check[i])) || 1);
    });
    byId("checked").textContent = this.say("checked", { far: told(Math.max(...far), 1) });
  }
}

async function main() {
  const about = JSON.parse(byId("model").textContent), texts = about.said[about.language].texts;
  const refuse = (error) => { byId("alert").textContent = texts.refused.replace("{why}", () => error.message); byId("alert").hidden = false; };
  window.addEventListener("unhandledrejection", ({ reason }) => refuse(reason));
  try {
    if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function") throw new Error("WebAssembly, DecompressionStream");
    const packed = await unpacked(byId("numbers").textContent), model = filledIn(about, ordered(packed, packed.length / 8, 1, Float64Array));
    const blocks = { module: byId("module").textContent, table: byId("table-bytes").textContent, draws: byId("draws").textContent };
    const { runs, note } = await start(model, blocks, whole);
    await document.fonts.load("16px 'techcycle Han'", "\u4e2d");  // it stands in the page; text laid out before would keep its gaps
    byId("main").hidden = false;
    const page = new Policy(model, runs, note);
    window.policyPage = page;
    page.setting = page.read(location.hash).setting;
    page.speak(page.language);
    await page.basis(page.policy.bases[0]);
    await page.reopen();
    page.checked();
  } catch (error) { refuse(error); }
}

if (typeof document !== "undefined") main();
