// The page: settings are run and judged, and told in the language chosen.  All text is set as text.

// That of the address, `?lang=zh`, else that of whoever wrote the page; what is chosen on the page stands in the setting.
function languageOf(model) {
  const asked = new URLSearchParams(location.search).get("lang");
  return Object.hasOwn(model.said, asked) ? asked : model.language;
}

const basisKey = (base, world) => JSON.stringify([base, world]);

const LONG = 200;  // ms after which an answer is late

class Policy {
  constructor(model, runs) {
    Object.assign(this, { model, runs, policy: model.policy, bases: {}, waited: {}, held: null, count: 0, asked: null, result: null, marked: null });
    Object.assign(this, { home: languageOf(model), setting: new Setting(model.policy, Object.keys(model.said)) });
    Object.assign(this, { language: this.home, note: null });
    Object.assign(this, { fields: new Fields(this), verdict: new Verdict(this), charts: new Charts(this), path: new Path(this), tour: new Tour(this) });
    this.fold();
    byId("copy").onclick = () => this.copy();
    byId("print").onclick = () => { if (!this.busy) window.print(); };
    window.addEventListener("hashchange", () => { if (location.hash !== this.setting.address()) this.reopen(); });
  }

  // What is not the answer, the fields or the charts is folded on narrow screens, and open on paper.
  fold() {
    const narrow = window.matchMedia("screen and (max-width: 860px)"), parts = () => [this.verdict.more, ...document.querySelectorAll(".part")];
    const all = (open) => { for (const one of parts()) one.open = open; };
    let kept = [];
    narrow.onchange = () => all(!narrow.matches);
    window.addEventListener("beforeprint", () => {
      this.mark(this.busy);
      kept = [...parts(), byId("led-part")].map((one) => [one, one.open]);
      for (const [one] of kept) one.open = true;
    });
    window.addEventListener("afterprint", () => { for (const [one, open] of kept) one.open = open; });
    narrow.onchange();
  }

  get words() { return this.model.said[this.language]; }

  say(key, fields = {}) { return this.words.texts[key].replace(/\{(\w+)\}/g, (_, name) => fields[name]); }

  also(texts) { return texts.reduce((text, more) => (text ? this.say("also", { text, more }) : more), ""); }

  capital(text) { return text.slice(0, 1).toUpperCase() + text.slice(1); }

  // ---- runs

  set(name, change) {
    this.setting.set(name, change);
    this.moved();
  }

  // Whether what is told is not, or not yet, what is set.
  get busy() { return !this.result || this.asked !== this.result.asked; }

  waits() {
    if (!this.busy) this.mark(false);
    else this.late ??= setTimeout(() => this.mark(true), LONG);
    this.verdict.retell();
  }

  // What takes long is dimmed, and said to be busy; of less nobody would see more than a page that is laid out twice a move.  A
  // transition would draw it anew at every move.
  mark(busy) {
    clearTimeout(this.late);
    this.late = null;
    if (this.marked === busy) return;
    this.marked = busy;
    for (const id of ["verdict", "trial", "results", "more"]) byId(id).ariaBusy = String(busy);
    for (const id of ["csv", "print"]) byId(id).disabled = busy;
    byId("main").classList.toggle("late", busy);
    this.verdict.retell();
  }

  // The runs of a path held against; null where they made way for newer ones.  Of worlds of one's own those of the last are kept.
  async basis({ base, world }) {
    const key = basisKey(base, world), { policy } = this, known = [world, ...policy.worlds.map(({ name }) => name)];
    if (!this.bases[key]) {
      this.waited[key] ??= this.based({ base, world, instruments: {} });
      const made = await this.waited[key];
      delete this.waited[key];
      for (const other of Object.keys(this.bases)) if (made && !known.includes(JSON.parse(other)[1])) delete this.bases[other];
      if (made) this.bases[key] = made;
    }
    return this.bases[key] ?? null;
  }

  // In a world of one's own what goes on may exceed the price and be cut, too: `cutIn`.
  async based(setting) {
    const ask = (curves, every) => this.runs.ask({ values: {}, curves, every }, every ? undefined : () => {});
    if (setting.base === "history" || this.policy.worlds.some(({ name }) => name === setting.world)) return ask(curvesOf(this.model, setting));
    const found = await priced(this.model, setting, ask, () => this.basis({ ...setting, base: "history" }));
    return found && Object.assign(found.runs, { cutIn: found.cut });
  }

  // What a world is called, what it is and where that is from.
  worldWords(world) {
    const { words, policy } = this, parts = partsOf(policy, world), [usual] = policy.worlds;
    if (words.worlds[world]) return words.worlds[world];
    const moved = scaledOf(policy).map(({ name, departs }, i) => this.say("own part", { ...words.worlds[name], part: parts[i], departs: moment(departs) })).filter((_, i) => parts[i] !== 100);
    return { name: this.say("own world"), says: this.also(moved), source: this.say("own source", words.worlds[usual.name]) };
  }

  // The runs of a setting while it is `wanted`, else null.
  run(setting, wanted, live = true) {
    const ask = async (curves, every) => {
      const made = wanted() ? await this.runs.ask({ values: {}, curves, every }, live ? () => {} : undefined) : null;
      return wanted() ? made : null;
    };
    return priced(this.model, setting, ask, () => this.basis({ ...setting, base: "history" }));
  }

  // The runs that ends are held against: those of the same levels without them, or of the path held against.
  async against(asked, basis, wanted) {
    const levels = withoutEnds(asked), ends = Object.values(asked.instruments).some((one) => one.shape);
    if (!ends || !Object.keys(levels.instruments).length) return basis;
    const key = JSON.stringify(levels);
    if (this.held?.key !== key) {
      const found = await this.run(levels, wanted);
      if (!found) return null;
      this.held = { key, runs: found.runs };
    }
    return this.held.runs;
  }

  async moved(noted = true) {
    const asked = this.setting.now, started = performance.now(), wanted = () => this.asked === asked;
    this.asked = asked;
    // workers are at it while the fields are shown
    const ready = this.bases[basisKey(asked.base, asked.world)], changed = Object.keys(asked.instruments).length > 0;
    const running = ready && changed ? this.run(asked, wanted) : null;
    this.tell(null);
    this.failure = null;
    byId("alert").hidden = true;
    this.verdict.forget();
    this.fields.show();
    this.waits();
    if (noted) this.remember();
    let basis = ready;
    while (!basis && wanted()) basis = await this.basis(asked);
    if (!wanted()) return;
    const found = changed ? await (running ?? this.run(asked, wanted)) : { runs: basis, cut: basis.cutIn ?? [], dates: {} };
    const kept = found && await this.against(asked, basis, wanted);
    if (!kept || !wanted()) return;
    const { made } = this.result ?? {};
    this.result = { asked, made: found.runs, basis, kept, cut: found.cut, dates: found.dates, shortened: this.setting.shortened };
    this.told();
    if (made && ![found.runs, kept, this.held?.runs, ...Object.values(this.bases)].includes(made)) this.runs.reuse(made);
    this.spent = performance.now() - started;
    this.count += 1;
    document.documentElement.dataset.moves = this.count;
  }

  // Other draws of the runs that are there.
  sifted() {
    const { third } = this.setting;
    this.verdict.forget();
    this.remember();
    for (const one of [this.asked, this.result?.asked]) if (one) one.third = third;
    this.told();
  }

  told() {
    const { model, result } = this;
    this.waits();
    if (!result) return;
    const { asked, made, basis, kept, cut, dates } = result, last = model.time.values.length - 1;
    const fine = (runs, run) => model.outputs.every((_, place) => Number.isFinite(runs.at(run, last, place)));
    const wanted = this.setting.draws(), draws = wanted.filter((run) => [made, basis, kept].every((runs) => fine(runs, run)));
    const of = [model, made, basis, draws], money = gained(...of), sums = { ...money, left: leftOver(...of), lines: linesOf(...of, money), of };
    const began = beganIn(model, asked, dates, draws), all = together(model, asked, made, basis, draws, began), bad = wanted.length - draws.length;
    this.answer = { ...judged(model, asked, made, kept, draws), ...sums, all, draws, cut, bad, began };
    this.verdict.tell();
    this.charts.tell(result, draws);
    if (this.answer.began.length) this.fields.show();
    this.path.draw();
  }

  // Stages and barriers of what is told, dated when they are first asked for.
  get dated() { return this.answer.path ??= pathOf(...this.answer.of); }

  // ---- words

  // Something told below the verdict, until the next move, in whatever language is spoken then; `fields` gives what it names.
  tell(key, fields = () => ({})) {
    this.note = key && { key, fields };
    byId("status").textContent = key ? this.say(key, fields()) : "";
  }

  speak(language) {
    this.setting.lang = language === this.home ? null : language;
    this.language = document.documentElement.lang = language;
    const { words } = this, text = (id, key, fields) => { byId(id).textContent = this.say(key, fields); };
    document.title = byId("title").textContent = words.title;
    text("lede", "lede", { draws: this.model.draws });
    byId("others").textContent = words.others;
    for (const key of ["set", "try", "copy", "csv", "print", "guide", "back", "close", "read", "waiting"]) text(key, key);
    const { clocks: [first], window: [low, high], draws, seen, named: share } = this.policy.path;
    text("path-key", "path key", { clock: words.clocks[0], year: moment(first), low, high, seen });
    text("led-key", "led key", { draws, named: percent(share, 0) });
    text("led-fold", "led fold");
    for (const key of ["command", "path", "led", "rule", "cannot", "happened", "evidence", "about", "table"]) text(`${key}-head`, `${key} head`);
    text("money-head", "money head", { horizon: this.policy.horizon, unit: words.money.unit });
    for (const key of ["money", "path"]) text(`${key}-note`, "within draws");
    text("years-key", "years key");
    const named = { controls: "set", results: "results", "table-place": "table head", languages: "language", asked: "settings" };
    Object.assign(named, { tour: "guide", but: "cannot head" });
    for (const [id, key] of Object.entries(named)) byId(id).setAttribute("aria-label", this.say(key));
    for (const key of ["cannot", "happened", "evidence"]) byId(key).replaceChildren(...words[key].map((one) => made("li", {}, one)));
    byId("but").replaceChildren(...words.but.map((one) => made("p", {}, one)));
    byId("rule").replaceChildren(...words.rule.map((one) => made("p", {}, one)), made("p", {}, this.say("rule here")));
    byId("about").replaceChildren(...words.about.map((one) => made("p", {}, one)), made("p", { id: "checked" }));
    byId("languages").replaceChildren(...Object.entries(this.model.said).map(([code, { own }]) => {
      const one = made("button", { type: "button", lang: code }, own);
      one.setAttribute("aria-pressed", String(code === language));
      one.onclick = () => {
        this.speak(code);
        this.remember();
        [...byId("languages").children].find((other) => other.lang === code).focus();
      };
      return one;
    }));
    this.fields.lay();
    this.fields.show();
    this.tour.tell();
    this.path.loops();
    this.checked();
    this.told();
    if (this.path.waiting) this.path.tell();  // words of two languages never stand side by side
    if (this.note) this.tell(this.note.key, this.note.fields);
    if (this.failure) this.refuse(this.failure);
    this.charts.look(this.charts.at);
  }

  // How far the path held against is here from the engine's own run of it, which the file brings along.
  checked() {
    const { model } = this, runs = this.bases[basisKey(this.policy.bases[0], this.policy.worlds[0].name)], time = model.time.values.length - 1;
    if (!runs || !model.check) return;
    const draws = [...Array(model.draws).keys()], far = model.outputs.map(({ name }, i) => {
      const own = fan(outputOf(model, name, runs, [time], draws))[2];
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

  // Takes what the address asks for, and says what it cannot take; only instruments of this page are named.
  open() {
    const wrong = this.setting.read(location.hash), spoken = this.setting.lang ?? this.home;
    const names = () => wrong.names.map((name) => this.words.instruments[name]);
    const others = () => (wrong.others ? [this.say(wrong.names.length ? "unknown" : "all unknown", { count: wrong.others })] : []);
    const what = () => [...names(), ...others()].join(this.say("apart")), takes = () => (wrong.names.length ? this.takes() : "");
    if (spoken !== this.language || !this.fields.parts) this.speak(spoken);
    this.leftOut = () => {
      if (wrong.names.length || wrong.others) this.tell("left out", () => ({ what: what(), takes: takes() }));
    };
  }

  // What an address may give of an instrument.
  takes() {
    const bounds = NUMBERS.map((key) => {
      const [low, high] = this.policy.limits[key];
      return this.say("field takes", { name: this.fields.label(key), low, high });
    });
    return this.say("takes", { bounds: bounds.join(this.say("apart")), over: this.policy.over });
  }

  async reopen() {
    this.open();
    const moved = this.moved(false);
    this.leftOut();
    await moved;
  }

  // What went wrong, until the next move.
  refuse(error) {
    this.failure = error;
    byId("alert").textContent = this.say("refused", { why: error.message });
    byId("alert").hidden = false;
  }

  async copy() {
    history.replaceState(null, "", this.plainAddress);
    try {
      await navigator.clipboard.writeText(location.href);
      this.tell("copied");
    } catch { this.tell("no copy"); }
  }
}

async function main() {
  const about = JSON.parse(byId("model").textContent), { texts, title } = about.said[languageOf(about)];
  const refuse = (error) => {
    if (window.policyPage) { window.policyPage.refuse(error); return; }
    byId("alert").textContent = texts.refused.replace("{why}", () => error.message);
    byId("alert").hidden = false;
  };
  window.addEventListener("unhandledrejection", ({ reason }) => refuse(reason));
  try {
    const able = typeof WebAssembly === "object" && typeof DecompressionStream === "function", text = (id) => byId(id).textContent;
    document.title = byId("title").textContent = title;
    if (!able) throw new Error(texts.unable);
    const packed = await unpacked(text("numbers")), model = filledIn(about, restored(ordered(packed, packed.length / 8, 1, Float64Array), 1));
    const { runs } = await start(model, text, (all) => all);
    await document.fonts.load("16px 'techcycle Han'", "\u4e2d");  // it stands in the page; text laid out before would keep its gaps
    byId("main").hidden = byId("guide").hidden = false;
    const page = new Policy(model, runs);
    window.policyPage = page;
    page.open();
    await page.basis(page.setting.plain());
    if (!page.result) {  // what was moved since then is run already, or will be
      const moved = page.moved(false);
      page.leftOut();
      await moved;
    }
    page.checked();
  } catch (error) { refuse(error); }
}

if (typeof document !== "undefined") main();
