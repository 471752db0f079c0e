// The page: settings and their address, kept runs, tables and files.

// ---- the address

// names of a model are keys: one that every object has, as "constructor", must not be found in an empty one
const copied = ({ values, curves }) => ({ values: Object.assign(Object.create(null), values), curves: Object.assign(Object.create(null), curves) });
const plainSetting = () => copied({});
const isChanged = ({ values, curves }) => Object.keys(values).length + Object.keys(curves).length > 0;

function addressOf(page) {
  const { setting, kept } = page;
  if (!isChanged(setting) && !kept.length) return "";
  return `#${encodeURIComponent(JSON.stringify({ ...setting, kept: kept.map(({ name, setting: own, shown }) => ({ name, ...own, shown })) }))}`;
}

// What an address asks for, as far as this page has it; what it has not is told.
function read(model, hash) {
  const wrong = [], fine = { setting: plainSetting(), kept: [], wrong };
  if (hash.length < 2) return fine;
  let asked;
  try { asked = JSON.parse(decodeURIComponent(hash.slice(1))); } catch { fine.damaged = true; return fine; }
  const inputs = new Map(model.inputs.filter((one) => one.shown).map((one) => [one.name, one])), curves = new Map(model.curves.map((one) => [one.name, one]));
  const within = (value, [low, high]) => typeof value === "number" && Number.isFinite(value) && (low === null || value >= low) && (high === null || value <= high);
  const setting = (of) => {
    const out = plainSetting();
    for (const [name, value] of Object.entries(of?.values ?? {}))
      if (inputs.has(name) && (within(value, inputs.get(name).limits) || value === inputs.get(name).value)) out.values[name] = value;
      else wrong.push(`${name} = ${value}`);
    for (const [name, ys] of Object.entries(of?.curves ?? {}))
      if (curves.has(name) && Array.isArray(ys) && ys.length === curves.get(name).ys.length && ys.every((y, i) => within(y, curves.get(name).limits) || y === curves.get(name).ys[i])) out.curves[name] = ys;
      else wrong.push(`curve ${name}`);
    return out;
  };
  fine.setting = setting(asked);
  if (Array.isArray(asked?.kept)) fine.kept = asked.kept.slice(0, 20).map((one) => ({ name: String(one?.name ?? "").slice(0, 60), setting: setting(one), shown: one?.shown !== false }));
  return fine;
}

// ---- the page

class Page {
  constructor(model, draws, runs) {
    Object.assign(this, { model, draws, runs, times: model.time.values, at: model.time.values.length - 1, setting: plainSetting(), kept: [], base: null, now: null, count: 0 });
    this.charts = model.outputs.map((_, place) => new Chart(this, place));
    byId("charts").append(...this.charts.map((one) => one.element));
    this.sliders = model.inputs.filter((one) => one.shown).map((one) => new Slider(this, one));
    this.curves = model.curves.map((one) => new Curve(this, one));
    this.places = new Map([...model.outputs.map((one) => one.name), ...model.beside].map((name, place) => [name, place]));
    this.pictures = new Pictures(this);
    this.lay();
    const range = byId("moment");
    range.max = this.times.length - 1;
    range.oninput = () => this.look(Number(range.value));
    byId("reset").onclick = () => { this.setting = plainSetting(); this.moved(); };
    byId("keep").onsubmit = (event) => { event.preventDefault(); this.keep(byId("run-name").value.trim()); byId("run-name").value = ""; };
    byId("csv").onclick = () => save(`${model.title}.csv`, this.csv());
    byId("cin").onclick = () => { if (this.changed()) save(`${model.title}.cin`, this.cin()); else this.say("Nothing is changed, so there are no settings to save."); };
    byId("print").onclick = () => window.print();
    byId("copy").onclick = () => this.copy();
    byId("table-part").ontoggle = () => this.table();
    window.addEventListener("hashchange", () => { if (location.hash !== addressOf(this)) this.reopen(); });
    const fit = () => this.charts.forEach((one) => one.fit());
    fit();
    new ResizeObserver(() => { fit(); this.draw(); }).observe(byId("charts"));
  }

  lay() {
    const groups = new Map();
    for (const one of this.sliders) groups.set(one.one.group, [...(groups.get(one.one.group) ?? []), one]);
    const parts = [...groups].flatMap(([group, some]) => [...(groups.size > 1 && group ? [made("h3", {}, named(group))] : []), ...some.map((one) => one.element)]);
    byId("sliders").append(...parts);
    byId("curves").append(...this.curves.map((one) => one.element));
    byId("curves-part").hidden = !this.curves.length;
  }

  changed() { return isChanged(this.setting); }

  // What is known of a variable at the moment read off: the median of an output, what a constant is set to.
  valueOf(name) {
    const place = this.places.get(name), slider = this.sliders.find((one) => one.one.name === name);
    if (place !== undefined) return this.now.median(place, this.at);
    return this.setting.values[name] ?? slider?.sampled?.middle ?? slider?.one.value ?? (Object.hasOwn(this.model.constants, name) ? this.model.constants[name] : undefined);
  }

  // What is set to its own value is not changed, unless samples give it others.
  set(name, value) {
    const { one, sampled } = this.sliders.find((other) => other.one.name === name);
    if (value === undefined || (!sampled && value === one.value)) delete this.setting.values[name]; else this.setting.values[name] = value;
    this.moved();
  }

  bend(name, ys) {
    if (ys === undefined) delete this.setting.curves[name]; else this.setting.curves[name] = ys;
    this.moved();
  }

  // Runs anew; `noted` in the address, which at the start is still to be read.
  async moved(noted = true) {
    this.say("");
    [...this.sliders, ...this.curves].forEach((one) => one.show());
    byId("reset").disabled = !this.changed();
    if (noted) this.remember();
    const setting = copied(this.setting);
    const result = await this.runs.ask(setting, (part) => { this.now = part; this.base ??= part; this.draw(); });
    if (!result) return;
    this.now = result;
    if (!isChanged(setting)) this.base = result;
    this.draw();
    this.count += 1;
    document.documentElement.dataset.moves = this.count;
    this.summary();
    if (byId("table-part").open) this.table();
  }

  summary() {
    clearTimeout(this.later);
    this.later = setTimeout(() => {
      const { runs, failed } = this.now, bad = !failed ? "" : runs > 1 ? ` ${failed} of ${runs} runs are not finite and left out.` : " The run is not finite throughout: its lines have gaps, and along the edge of a chart they lie beyond it.";
      const first = this.charts[0];
      byId("bad").textContent = bad;
      byId("heard").textContent = `${this.changed() ? "Changed run" : "Base run"}. ${first.about.name}, ${first.read.textContent}.${bad}`;
    }, 400);
  }

  say(text) { byId("status").textContent = plain(text); }

  when(place) { return `${this.model.time.unit || "Time"} ${moment(this.times[place])}`; }

  look(place) {
    this.at = Math.min(Math.max(place, 0), this.times.length - 1);
    byId("moment").value = this.at;
    byId("at").textContent = this.when(this.at);
    byId("moment").setAttribute("aria-valuetext", this.when(this.at));
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.charts.forEach((one) => one.draw());
      this.pictures.draw();
      this.key();
      if (this.now) document.documentElement.dataset.frame ??= Math.round(performance.now());
    });
  }

  key() {
    const bands = this.model.draws > 1, entries = [];
    const sign = (...parts) => drawn("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, ...parts);
    const stroke = (attributes) => sign(drawn("line", { x1: 1, x2: 33, y1: 6, y2: 6, ...attributes }));
    const box = (fill) => sign(drawn("rect", { x: 1, y: 1, width: 32, height: 10, fill }));
    entries.push([stroke({ stroke: BLUE.main, "stroke-width": 2.4 }), bands ? "this run, median" : "this run"]);
    if (bands) entries.push([box(BLUE.core), "middle 50% of samples"], [box(BLUE.band), "middle 90%"]);
    if (this.changed()) entries.push([stroke({ stroke: "#5b6672", "stroke-width": 1.6, "stroke-dasharray": "4 3" }), bands ? "base run, median" : "base run"]);
    for (const one of this.kept) if (one.shown) entries.push([stroke({ stroke: one.colour, "stroke-width": 1.8, "stroke-dasharray": one.dash }), named(one.name)]);
    if (this.model.outputs.some((one) => one.observed)) entries.push([sign(drawn("circle", { cx: 17, cy: 6, r: 3.2, fill: "#fff", stroke: INK })), "observed"]);
    byId("key").replaceChildren(...entries.map((parts) => made("li", {}, ...parts)));
  }

  remember() {
    clearTimeout(this.noting);
    this.noting = setTimeout(() => history.replaceState(null, "", location.href.split("#")[0] + addressOf(this)), 400);
  }

  async copy() {
    history.replaceState(null, "", location.href.split("#")[0] + addressOf(this));
    try {
      await navigator.clipboard.writeText(location.href);
      this.say("The address is copied.");
    } catch {
      this.say("This browser does not let the page copy: please copy the address from the address bar.");
    }
  }

  async reopen() {
    const asked = read(this.model, location.hash);
    this.setting = asked.setting;
    this.kept = [];
    asked.kept.forEach((one) => this.add(one.name, one.setting, one.shown));
    await this.moved();
    if (asked.damaged) this.say("The address is cut short or damaged: nothing of it is set.");
    if (asked.wrong.length) this.say(`Of the address, this page leaves out: ${asked.wrong.join("; ")}.`);
  }

  keep(name) {
    this.add(name, copied(this.setting), true);
    this.remember();
  }

  add(name, setting, shown) {
    const free = DASHES.findIndex((dash) => !this.kept.some((one) => one.dash === dash)), place = free < 0 ? this.kept.length % DASHES.length : free;
    const one = { name: name || `Run ${this.kept.length + 1}`, setting, shown, dash: DASHES[place], colour: COLOURS[place], result: null };
    this.kept.push(one);
    this.list();
    this.runs.ask(setting).then(({ median: _, ...result }) => { one.result = result; this.draw(); if (byId("table-part").open) this.table(); }, refuse);
  }

  list() {
    byId("compare").classList.toggle("none", !this.kept.length);
    byId("kept").replaceChildren(...this.kept.map((one, i) => {
      const show = made("input", { type: "checkbox", checked: one.shown, id: `k${i}` });
      show.onchange = () => { one.shown = show.checked; this.remember(); this.draw(); };
      const load = made("button", { type: "button", ariaLabel: `Use again: ${one.name}` }, "Use again"), drop = made("button", { type: "button", ariaLabel: `Forget ${one.name}` }, "Forget");
      load.onclick = () => { this.setting = copied(one.setting); this.moved(); };
      drop.onclick = () => { this.kept.splice(i, 1); this.list(); byId("run-name").focus(); this.remember(); this.draw(); };
      const sign = drawn("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, drawn("line", { x1: 1, x2: 33, y1: 6, y2: 6, stroke: one.colour, "stroke-width": 2, "stroke-dasharray": one.dash }));
      return made("li", {}, show, made("label", { htmlFor: `k${i}` }, sign, " ", named(one.name)), load, drop, made("span", { className: "quiet" }, named(this.words(one.setting))));
    }));
  }

  words({ values, curves }) {
    const unit = (name) => unitOf(this.model.inputs.find((one) => one.name === name)), sized = (name) => (unit(name) === NO_UNIT ? "" : ` ${unit(name)}`);
    const parts = [...Object.entries(values).map(([name, value]) => `${name} = ${told(value)}${sized(name)}`), ...Object.keys(curves).map((name) => `curve of ${name}`)];
    return plain(parts.join(", ")) || "as the base run";
  }

  results() {
    const own = this.now && this.changed() ? [["this run", this.now]] : [];
    return [["base run", this.base], ...own, ...this.kept.map((one) => [one.name, one.result])].filter(([, result]) => result);
  }

  csv() {
    const cell = (text) => `"${String(text).replace(/^(?=[=+\-@\t\r])/, "'").replaceAll('"', '""')}"`;
    const lines = ["run,variable,unit,time,p5,p25,median,p75,p95"];
    for (const [name, result] of this.results())
      this.model.outputs.forEach((one, place) => this.times.forEach((time, i) => lines.push([cell(name), cell(one.name), cell(one.unit), time, ...result.found[place].map((values) => values[i])].join(","))));
    return `\ufeff${lines.join("\r\n")}\r\n`;
  }

  // Vensim's changes file: the engine takes its constants as --changes.
  cin() {
    const quoted = (name) => name.replace(/^(.*?)(\[[^\]]*\])?$/s, (_, bare, place) => (/^\p{L}[\p{L}\p{N}_ ]*$/u.test(bare) ? bare : `"${bare}"`) + (place ?? ""));
    const lines = Object.entries(this.setting.values).map(([name, value]) => `${quoted(name)} = ${value}`);
    for (const [name, ys] of Object.entries(this.setting.curves)) {
      const { xs } = this.model.curves.find((one) => one.name === name);
      lines.push(`${quoted(name)}(${xs.map((x, i) => `(${x},${ys[i]})`).join(",")})`);
    }
    return `${lines.join("\n")}\n`;
  }

  table() {
    if (!byId("table-part").open || !this.now) return;
    const step = Math.max(1, Math.ceil(this.times.length / 24)), rows = this.times.map((_, i) => i).filter((i) => i % step === 0 || i === this.times.length - 1);
    const head = made("tr", {}, made("th", { scope: "col" }, this.model.time.unit || "Time"), ...this.model.outputs.map((one) => made("th", { scope: "col" }, named(one.name), made("br"), inUnit(one))));
    const cell = (place, i) => {
      const own = this.now.found[place];
      return made("td", {}, told(own[2][i]), ...(this.model.draws > 1 ? [made("br"), made("span", { className: "quiet" }, `${told(own[0][i], 3)} to ${told(own[4][i], 3)}`)] : []));
    };
    const body = rows.map((i) => made("tr", {}, made("th", { scope: "row" }, moment(this.times[i])), ...this.model.outputs.map((_, place) => cell(place, i))));
    byId("table").replaceChildren(made("caption", {}, this.model.draws > 1 ? "This run: median, and 5% to 95% of samples" : "This run"), made("thead", {}, head), made("tbody", {}, ...body));
  }
}

function describe(model, note) {
  const { origin, left } = model, bands = model.draws > 1;
  document.title = byId("title").textContent = model.title;
  const how = model.inputs.some((one) => one.shown) ? "Move a slider" : model.curves.length ? "Drag a point of a curve" : "";
  for (const id of ["controls", "compare", "copy", "cin", "address"]) byId(id).hidden = !how;
  byId("main").classList.toggle("fixed", !how);
  byId("lede").textContent = `${how ? `${how} and the model runs again, here in your browser.` : "The model runs here, in your browser; the page has nothing to change."} ${bands ? `The line is the median of ${model.draws} samples of what is not known for certain, the bands hold 50% and 90% of them.` : "The line is one run of the model."}${how && " The base run, in which nothing is changed, stays as a dashed line."}`;
  const some = (count, what) => (count > 0 ? ` ${count} more ${what} of the model stay as they are.` : "");
  byId("sliders-note").textContent = (model.samples.length ? "What you move is set for all samples alike; the rest stays as sampled." : "") + some(how && left.sliders, "constants");
  byId("curves-note").textContent = `Drag a point up or down, or type its value.${some(left.curves, "curves")}`;
  const taken = model.given > model.draws ? ` (${model.draws} of ${model.given}, evenly taken)` : "";
  const lines = [
    `Model: ${origin.file}, ${origin.method}, time step ${`${origin.step} ${model.time.unit}`.trim()}, equations sha256 ${origin.equations}.`,
    `Made with stockflow ${origin.version}. The page runs the engine's own compiled code; nothing leaves your computer. Computed by ${note}.`,
    bands ? `Samples: ${plain(model.samples.join(", "))}${taken}, rounded to 32-bit numbers. Quantiles lie between neighbours on a straight line (definition 7 of Hyndman and Fan); runs that are not finite are left out and counted.` : "",
    left.pictures ? `Groups of variables too large to be drawn as stocks and flows: ${left.pictures}.` : "",
    "Random functions, if the model has any, take seed 0.",
    bands ? "A band shows what follows from the samples, not all that is unknown." : "",
    left.charts ? `${left.charts} more stocks, flows and auxiliaries of the model have no chart here.` : "",
  ];
  const charts = model.outputs.flatMap((one) => [made("dt", {}, named(one.name), " ", inUnit(one)), made("dd", { dir: "auto" }, one.note || "The model file says nothing about it.")]);
  byId("about").replaceChildren(...lines.filter(Boolean).map((line) => made("p", {}, line)), made("h3", {}, "What the charts show"), made("dl", {}, ...charts));
}

// How far the base run here is from the engine's own, which the file brings along for the last moment.
function compare(model, base) {
  if (!model.check) return;
  const far = model.check.map((value, i) => { const own = base.found[i][2].at(-1); return Math.abs(own - value) / (Math.max(Math.abs(own), Math.abs(value)) || 1); });
  byId("about").prepend(made("p", {}, `Checked just now: at the last moment the base run differs from the engine's own by ${told(Math.max(...far), 1)} of its size.`));
}

function refuse(error) {
  byId("alert").textContent = `This page cannot run the model: ${error.message}.`;
  byId("alert").hidden = false;
}

async function main() {
  window.addEventListener("unhandledrejection", ({ reason }) => refuse(reason));
  const model = JSON.parse(byId("model").textContent);
  document.title = byId("title").textContent = model.title;
  if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly, or has it switched off; another browser, or another setting, will do");
  if (typeof DecompressionStream !== "function") throw new Error("this browser is too old to unpack it (it needs one of 2023 or later)");
  const { runs, note } = await start(model, (id) => byId(id).textContent);
  describe(model, note);
  byId("main").hidden = false;
  const page = new Page(model, runs.data.draws, runs);
  window.stockflowPage = page;
  page.look(page.at);
  await page.moved(false);
  compare(model, page.base);
  if (location.hash.length > 1) await page.reopen();
}

if (typeof document !== "undefined") main().catch(refuse);
