// The page: settings are run and judged, and told in the language chosen.  All text is set as text.

// That of the address, `?lang=zh`, else that of whoever wrote the page.
function languageOf(model) {
  const asked = new URLSearchParams(location.search).get("lang");
  return Object.hasOwn(model.said, asked) ? asked : model.language;
}

class Policy {
  constructor(model, runs) {
    Object.assign(this, { model, runs, policy: model.policy, bases: {}, language: languageOf(model), count: 0, setting: new Setting(model.policy) });
    Object.assign(this, { fields: new Fields(this), verdict: new Verdict(this), charts: new Charts(this), tour: new Tour(this) });
    byId("copy").onclick = () => this.copy();
    byId("print").onclick = () => window.print();
    window.addEventListener("hashchange", () => { if (location.hash !== this.setting.address()) this.reopen(); });
  }

  get words() { return this.model.said[this.language]; }

  say(key, fields = {}) { return this.words.texts[key].replace(/\{(\w+)\}/g, (_, name) => fields[name]); }

  capital(text) { return text.slice(0, 1).toUpperCase() + text.slice(1); }

  // ---- runs

  set(name, change) {
    this.setting.set(name, change);
    this.moved();
  }

  async basis(base) {
    this.bases[base] ??= await this.runs.ask({ values: {}, curves: curvesOf(this.model, { base, instruments: {} }) }, () => {});
    return this.bases[base];
  }

  // The runs of a setting while it is `wanted`, else null.
  run(setting, wanted, live = true) {
    const ask = async (curves, every) => {
      const made = wanted() ? await this.runs.ask({ values: {}, curves, every }, live && !every ? () => {} : undefined) : null;
      return wanted() ? made : null;
    };
    return priced(this.model, setting, ask, () => this.basis("history"));
  }

  async moved(noted = true) {
    byId("status").textContent = "";
    this.verdict.forget();
    this.fields.show();
    if (noted) this.remember();
    const asked = this.setting.now, started = performance.now();
    this.asked = asked;
    byId("verdict").ariaBusy = "true";
    const basis = this.bases[asked.base] ?? await this.basis(asked.base);
    const found = Object.keys(asked.instruments).length ? await this.run(asked, () => this.asked === asked) : { runs: basis, cut: [] };
    if (!found || !basis || this.asked !== asked) return;
    this.result = { asked, made: found.runs, basis, cut: found.cut };
    this.told();
    this.spent = performance.now() - started;
    this.count += 1;
    document.documentElement.dataset.moves = this.count;
  }

  // Other draws of the runs that are there.
  sifted() {
    this.verdict.forget();
    this.remember();
    this.told();
  }

  told() {
    const { model, result } = this, { asked, made, basis, cut } = result, last = model.time.values.length - 1;
    const fine = (runs, run) => model.outputs.every((_, place) => Number.isFinite(runs.at(run, last, place)));
    const wanted = this.setting.draws(), draws = wanted.filter((run) => fine(made, run) && fine(basis, run)), of = [model, made, basis, draws];
    const sums = { ...gained(...of), lines: linesOf(...of), years: yearsOf(...of) };
    this.answer = { ...judged(model, asked, made, basis, draws), ...sums, draws, cut, bad: wanted.length - draws.length };
    this.verdict.tell();
    this.charts.tell(result, draws);
  }

  // ---- words

  speak(language) {
    this.language = document.documentElement.lang = language;
    const { words } = this, text = (id, key, fields) => { byId(id).textContent = this.say(key, fields); };
    document.title = byId("title").textContent = words.title;
    text("lede", "lede", { draws: this.model.draws });
    for (const key of ["set", "others", "try", "copy", "csv", "print", "guide", "back", "close", "read"]) text(key, key);
    for (const key of ["command", "stages", "rule", "cannot", "happened", "evidence", "about", "table"]) text(`${key}-head`, `${key} head`);
    text("money-head", "money head", { horizon: this.policy.horizon, unit: words.money.unit });
    const named = { controls: "set", results: "results", "table-place": "table head", languages: "language", asked: "settings", tour: "guide", but: "cannot head" };
    for (const [id, key] of Object.entries(named)) byId(id).setAttribute("aria-label", this.say(key));
    for (const key of ["cannot", "happened", "evidence"]) byId(key).replaceChildren(...words[key].map((one) => made("li", {}, one)));
    byId("but").replaceChildren(...words.but.map((one) => made("p", {}, one)));
    byId("rule").replaceChildren(...words.rule.map((one) => made("p", {}, one)));
    byId("about").replaceChildren(...words.about.map((one) => made("p", {}, one)), made("p", { id: "checked" }));
    byId("languages").replaceChildren(...Object.entries(this.model.said).map(([code, { own }]) => {
      const one = made("button", { type: "button", lang: code }, own);
      one.setAttribute("aria-pressed", String(code === language));
      one.onclick = () => { this.speak(code); [...byId("languages").children].find((other) => other.lang === code).focus(); };
      return one;
    }));
    this.fields.lay();
    this.fields.show();
    this.tour.tell();
    this.checked();
    if (this.result) this.told();
    this.verdict.bars();
    this.charts.look(this.charts.at);
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

  // ---- the address

  get plainAddress() { return this.setting.address() || location.pathname + location.search; }

  remember() {
    clearTimeout(this.noting);
    this.noting = setTimeout(() => history.replaceState(null, "", this.plainAddress), 400);
  }

  async reopen() {
    const wrong = this.setting.read(location.hash);
    await this.moved(false);
    if (wrong.length) byId("status").textContent = this.say("left out", { what: plain(wrong.join("; ")) });
  }

  async copy() {
    history.replaceState(null, "", this.plainAddress);
    try {
      await navigator.clipboard.writeText(location.href);
      byId("status").textContent = this.say("copied");
    } catch { byId("status").textContent = this.say("no copy"); }
  }
}

async function main() {
  const about = JSON.parse(byId("model").textContent), { texts } = about.said[about.language];
  const refuse = (error) => { byId("alert").textContent = texts.refused.replace("{why}", () => error.message); byId("alert").hidden = false; };
  window.addEventListener("unhandledrejection", ({ reason }) => refuse(reason));
  try {
    if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function") throw new Error("WebAssembly, DecompressionStream");
    const packed = await unpacked(byId("numbers").textContent), model = filledIn(about, ordered(packed, packed.length / 8, 1, Float64Array));
    const blocks = { module: byId("module").textContent, table: byId("table-bytes").textContent, draws: byId("draws").textContent };
    const { runs } = await start(model, blocks, whole);
    await document.fonts.load("16px 'techcycle Han'", "\u4e2d");  // it stands in the page; text laid out before would keep its gaps
    byId("main").hidden = false;
    const page = new Policy(model, runs);
    window.policyPage = page;
    page.setting.read(location.hash);
    page.speak(page.language);
    await page.basis(page.policy.bases[0]);
    await page.reopen();
    page.checked();
  } catch (error) { refuse(error); }
}

if (typeof document !== "undefined") main();
