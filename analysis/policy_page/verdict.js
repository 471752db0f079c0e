// The answer in words, what it rests on, and the same end from every year.

const LOOK = { safe: "safe", open: "open", "not safe": "unsafe" };  // how policy.css colours them
const percent = (share, digits = 1) => String(Number((100 * share).toFixed(digits)));

// White stripes for what is not judged.
function stripes() {
  const about = { id: "stripes", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  return drawn("pattern", about, drawn("rect", { width: 3, height: 6, fill: "#fff" }));
}

class Verdict {
  constructor(page) {
    Object.assign(this, { page, trial: null, more: made("details", { className: "part", open: true }, made("summary")) });
    byId("try").onclick = () => this.scan();
  }

  say(key, fields) { return this.page.say(key, fields); }

  tell() {
    const { page } = this, { result, answer } = page, { found, worst, all } = answer;
    byId("verdict").className = this.look(worst);
    byId("answer").textContent = this.answer(worst, all);
    const lines = [...this.shares(found), ...this.levels(all, found), ...this.sums(), ...this.doubts(found)];
    const [first, ...others] = lines.map((one) => made("p", {}, one)), [head] = this.more.children;
    head.textContent = this.say("why");
    this.more.replaceChildren(head, ...others);
    byId("reasons").replaceChildren(...(first ? [first] : []), ...(others.length ? [this.more] : []));
    byId("summary").textContent = this.summary(result.asked);
    this.command();
    this.money();
  }

  // Lines of a command are not broken at the hyphens of its options.
  command() {
    const { page } = this, { said, none } = page.setting.command(page.result.asked, page.model.draws);
    const [name, ...options] = (said ?? this.say(none, { case: page.policy.case })).split(/ (?=--)/);
    byId("command").replaceChildren(name, ...options.flatMap((one) => [" ", made("span", {}, one)]));
  }

  // What a share of draws that fail is called; null where nothing is judged.
  called(fails) {
    const { policy, answer } = this.page;
    return fails === null ? null : verdictOf(policy.rule, fails, answer.draws.length);
  }

  setback(back) { return back >= this.page.policy.rule.probability; }

  // The worst of all judgements; what is not judged, or falls back for a time, is not shown as safe.
  look({ all, none, back }) {
    const said = this.called(all);
    return said !== "safe" ? LOOK[said] ?? "" : this.setback(back) ? "open" : none ? "safe unjudged" : "safe";
  }

  // What waits is in the runs, too, but is not what is judged.
  answer(worst, all) {
    const { began, idle } = this.page.answer, waits = began.length > 0;
    if (worst.first === null) return this.say(waits ? "no exit waits" : all ? "no exit levels" : "no exit");
    return waits ? this.say("named", { name: this.say("dated ends"), text: this.ended(worst) }) : idle ? this.say("safe idle") : this.ended(worst);
  }

  // What comes last is told first.
  ended({ first, later, last, none, sloped, back }) {
    const said = this.called(first), now = this.say(said === "safe" && this.setback(back) ? "setback" : said);
    if (!sloped) return now;
    const { rule: { years }, horizon } = this.page.policy, then = [later === null ? null : this.called(later), none && "not judged"];
    const told = [this.say("twice", { years, now, later: then.filter(Boolean).map((key) => this.say(key)).join(this.say("apart")) })], ends = this.called(last);
    return this.joined(ends && ends !== "safe" ? [this.say("by the end", { horizon, then: this.say(ends) }), ...told] : told);
  }

  joined(sentences) { return sentences.join(this.page.language === "zh" ? "" : " "); }

  // What of the share is there in a year, by a key of words, and in how many draws too little.
  ratio(key, { year, ratio, fails }, more = {}) {
    const { policy, answer } = this.page, { rule } = policy, [low, , median, , high] = fan(ratio).map((one) => percent(one, 0));
    const fields = { years: rule.years, year: moment(year), kept: percent(rule.kept, 0), fails: percent(fails) };
    const said = this.say(key, { ...fields, probability: percent(rule.probability, 0), draws: answer.draws.length, ...more });
    return this.joined([said, this.say("share", { median, low, high })]);
  }

  shares(found) {
    const { policy, answer, result } = this.page, { rule } = policy, draws = answer.draws.length, { worst } = answer;
    if (!found.length) return answer.all ? [] : [this.say("ask")];
    const path = this.say(result.kept === result.basis ? "the path" : "the levels"), several = found.length > 1;
    const out = found.flatMap((one) => {
      const lines = [...this.later(one.later, path), this.ratio("rule", one, { path })];
      return several ? lines.map((said) => this.say("of ends", { said, names: this.names(one.names) })) : lines;
    });
    if ([worst.first, worst.later, worst.last].some((fails) => this.called(fails) === "open")) {
      const error = rule.doubt / Math.sqrt(draws), [low, high] = [-error, error].map((by) => percent(Math.max(rule.probability + by, 0)));
      out.push(this.say("open why", { draws, low, high, probability: percent(rule.probability, 0), all: policy.asked }));
    }
    const about = { years: rule.years, fall: percent(rule.fall, 0), back: percent(worst.back), probability: percent(rule.probability, 0) };
    out.push(this.say("past", about));
    return several ? [...out, this.say("first", { years: rule.years })] : out;
  }

  names(some) { return this.page.capital(some.map((name) => this.page.words.instruments[name]).join(this.say("and"))); }

  // A slope as long after its last step, or in the last year of the study where that lies beyond it.
  later(one, path) {
    if (!one) return [];
    if (!one.beyond) return [this.ratio("after", one, { path })];
    const { horizon, rule: { years } } = this.page.policy, said = this.say("beyond", { years, year: moment(one.beyond), more: moment(one.beyond - horizon), horizon });
    return [this.ratio(this.called(one.fails) === "not safe" ? "failed" : "by then", one, { path }), said];
  }

  // Levels are no end, and ends that wait for the run no ends of a year; what all that is set does by the same measure.
  levels(all, found) {
    if (!all) return [];
    const { rule, horizon } = this.page.policy, { began } = this.page.answer, out = [this.ratio(began.length ? "all waits" : "all set", all)];
    if (all.short > 0 && !began.length) out.push(this.say("short", { years: moment(rule.years - all.short), horizon }));
    const why = began.length ? (found.length ? "waits beside" : "waits apart") : found.length ? "levels apart" : "levels only";
    return [...began.map((one) => this.begins(one)), this.say(why), ...out];
  }

  // When an end begins that waits for the run.
  begins({ name, years }) {
    const { path } = this.page, begun = years.filter(Number.isFinite).length, [share, all] = [percent(begun / years.length), years.length];
    if (!begun) return this.say("begins never", { names: this.names([name]), horizon: this.page.policy.horizon });
    const year = path.spread(spreadOf(years), (value) => path.date(value), "or later");
    return this.say("begins waits", { names: this.names([name]), year, share, draws: all, horizon: this.page.policy.horizon });
  }

  sums() {
    const { result, answer, words, policy } = this.page, { saved, now, due, sold, cost, left } = answer, { horizon } = policy;
    if (!Object.keys(result.asked.instruments).length) return [];
    if ([...saved, ...sold].every((one) => !one)) return [this.say("alike")];
    const numbers = (values, { factor, unit }) => {
      const [low, , median, , high] = fan(values).map((value) => told(value * factor, 3));
      return { low, median, high, unit, horizon };
    };
    const spent = fan(saved)[4] < 0, [all, paid, later] = [saved, now, due].map((values) => numbers(spent ? values.map((one) => -one) : values, words.money));
    const money = { ...all, base: policy.year, rate: percent(policy.rate, 1), paid: paid.median, later: later.median };
    const out = [this.say(spent ? "spent" : "saved", money), this.say("sold", numbers(sold, words.sold))];
    out.push(this.say("left", { ...numbers(left.last, words.sold), part: percent(fan(left.part)[2], 0) }));
    const defined = cost.filter((one) => !Number.isNaN(one));
    if (defined.length < policy.defined * cost.length) return [...out, this.say("no cost", { horizon, each: words.each })];
    const sign = costSign(answer), saving = ["cost none", "cost lost"].includes(sign), each = saving ? defined.map((one) => -one) : defined;
    return [...out, this.say(sign, { ...numbers(each, words.cost), each: words.each, of: percent(defined.length / cost.length, 0) })];
  }

  doubts(found) {
    const { model, result, answer, words, policy } = this.page, out = [], { instruments, base, third } = result.asked;
    const name = (one) => this.names([one]), draws = answer.draws.length;
    const about = (one) => policy.instruments.find((other) => other.name === one);
    for (const [one, some] of answer.cut) {
      const count = answer.draws.filter((run) => some.includes(run)).length;
      if (count) out.push(this.say("cut", { instrument: name(one), count, draws }));
    }
    for (const one of clipped(model, result.asked)) {
      const { factor, unit } = words.units[one];
      out.push(this.say("clipped", { instrument: name(one), most: told(about(one).most * factor, 3), unit }));
    }
    for (const one of result.shortened) out.push(this.say("shortened", { instrument: name(one), length: instruments[one].length }));
    for (const one of idle(model, result.asked))
      out.push(this.say("idle", { instrument: name(one), start: moment(instruments[one].start) }));
    if (third !== "all") out.push(this.say("few"));
    if (found.length && base !== policy.bases[0]) out.push(this.say("of history"));
    out.push(...this.elsewhere(result.asked, found));
    if (answer.bad) out.push(this.say("bad", { count: answer.bad, draws: draws + answer.bad }));
    return out;
  }

  // Another world than the study asks about, and whether it can matter by when an end is judged.
  elsewhere({ world, instruments }, found) {
    const { horizon } = this.page.policy, { departs } = worldOf(this.page.model, world);
    if (departs === null || !Object.keys(instruments).length) return [];
    const same = found.length && found.every(({ year, later }) => Math.max(year, later?.year ?? year) <= departs);
    return [this.say(same ? "no other world" : "other world", { world: this.page.worldWords(world).name, year: moment(departs), horizon })];
  }

  // What is set, in words.
  summary({ base, world, third, instruments }) {
    const { words, policy } = this.page, part = (names, said) => this.say("of ends", { names, said });
    const each = policy.instruments.filter(({ name }) => instruments[name]).map(({ name, announced }) => {
      const one = instruments[name], keys = [one.level !== 100 && "level", waits(one) ? `${one.shape} waits` : one.shape, one.shape && one.floor && "floor", one.shape && announced && one.announced && "ahead"];
      const fields = { ...one, condition: waits(one) && this.say(`set ${one.when}`, { ...one, volume: told(one.volume * words.sold.factor, 4), unit: words.sold.unit }) };
      return part(this.names([name]), this.page.also(keys.filter(Boolean).map((key) => this.say(`set ${key}`, fields))));
    });
    const where = world === policy.worlds[0].name ? [] : [part(this.say("world"), words.worlds[world]?.name ?? this.page.worldWords(world).says)];
    const whose = third === "all" ? [] : [part(this.say("buyers"), this.say(third))];
    return [...each, part(this.say("against"), this.say(base)), ...where, ...whose].join(this.say("apart"));
  }

  money() {
    const { words, answer, result, policy, model } = this.page, { factor } = words.money, changed = Object.keys(result.asked.instruments).length > 0;
    const head = ["line", "here", ...(changed ? ["base", "more"] : [])], cell = (value) => made("td", {}, told(value * factor, 3));
    const values = (one) => [one.own, one.base, one.more].slice(0, head.length - 1).map(cell);
    const about = { horizon: policy.horizon, last: moment(model.time.values.at(-1)), base: policy.year, rate: percent(policy.rate, 1) };
    const title = (name) => words.lines[name] ?? this.say(`${name} line`, about);
    const row = (one) => made("tr", {}, made("th", { scope: "row" }, title(one.name)), ...values(one));
    byId("money-note").hidden = !changed;  // it tells of differences
    const rows = answer.lines.filter((one) => one.own || one.base).map(row);
    const heads = head.map((key) => made("th", { scope: "col" }, this.say(key)));
    byId("money").replaceChildren(made("thead", {}, made("tr", {}, ...heads)), made("tbody", {}, ...rows));
  }

  // ---- every start

  forget() {
    this.trial = null;
    byId("years").replaceChildren();
    byId("tried").textContent = "";
  }

  // Whether the ends that are set can be tried from every year, and why not; what every start gave, in the language spoken now.
  retell() {
    const { page } = this, ends = Object.values(page.setting.instruments).filter(isDated);
    const none = !ends.length ? "no start" : startingIn(page.setting.whole, ends[0].start) ? null : "many starts";
    byId("try").disabled = page.marked || none !== null;
    if (!this.trial) byId("tried").textContent = none ? this.say(none) : "";
    this.bars();
  }

  // The same ends from every year, one after the other, until anything is set anew.
  async scan() {
    const { page } = this, { model, policy } = page;
    if (page.busy || byId("try").disabled) return;  // its runs would take the place of those that are waited for, or there are none
    const [low, high] = policy.limits.start, asked = page.setting.whole, years = [];
    for (let year = Math.ceil(low); year <= high; year++) years.push(year);
    this.forget();
    const late = (year) => Object.values(startingIn(asked, year).instruments).some((one) => overBy(policy, one) > policy.over);
    const draws = page.answer.draws, trial = { years: years.filter((year) => !late(year)), worst: [] };
    this.trial = trial;
    const wanted = () => this.trial === trial;
    let basis = null;
    while (!basis && wanted()) basis = await page.basis(asked);
    const kept = wanted() ? await page.against(asked, basis, wanted) : null;
    for (const year of trial.years) {
      const setting = startingIn(asked, year), made = kept && wanted() ? await page.run(setting, wanted, false) : null;
      if (!made || !wanted()) return;
      trial.worst.push(judged(model, setting, made.runs, kept, draws).worst);
      this.bars();
    }
  }

  // Bars are as high as the worst judgement, striped where the one after the last step lies beyond the study.
  bars() {
    if (!this.trial) return;
    const { years, worst } = this.trial, { rule } = this.page.policy, share = worst.map(({ all }) => all);
    const width = Math.max(280, Math.min(640, byId("trial").clientWidth || 640)), ends = [years[0] - 0.6, years.at(-1) + 0.6];
    const { x, y, parts, text, box } = frame(0, 100, ends, width, 150, "%"), wide = x(years[0] + 0.35) - x(years[0] - 0.35);
    parts.push(drawn("defs", {}, stripes()));
    worst.forEach((one, i) => {
      const top = y(Math.max(100 * one.all, 2)), at = { x: x(years[i]) - wide / 2, y: top, width: wide, height: box.bottom - top };
      parts.push(drawn("rect", { ...at, class: this.look(one) }));
      if (one.none) parts.push(drawn("rect", { ...at, fill: "url(#stripes)" }));
    });
    const under = (year) => text(moment(year), { x: x(year), y: box.bottom + 17, "text-anchor": "middle" });
    parts.push(...years.slice(0, worst.length).filter((_, i) => i % 5 === 0).map(under));
    const at = y(100 * rule.probability);
    parts.push(drawn("line", { x1: box.left, x2: box.right, y1: at, y2: at, stroke: INK, "stroke-dasharray": "4 3" }));
    parts.push(text(this.say("bound", { probability: percent(rule.probability, 0) }), { x: box.right, y: 12, "text-anchor": "end" }));
    const done = worst.length, all = years.length;
    byId("tried").textContent = done < all ? this.say("trying", { done, all }) : this.joined(this.outcomes());
    const each = share.map((one, i) => this.say("named", { name: years[i], text: percent(one) }));
    const label = this.say("named", { name: this.say("tried"), text: each.join(this.say("comma")) });
    const picture = drawn("svg", { role: "img", viewBox: `0 0 ${width} 150`, "aria-label": label }, ...parts);
    picture.style.maxWidth = `${width}px`;
    const looks = ["safe", "open", "unsafe", ...(worst.some(({ none }) => none) ? ["unjudged"] : [])];
    const key = looks.map((one) => made("li", {}, made("span", { className: one }), this.say(`bar ${one}`)));
    byId("years").replaceChildren(made("p", { className: "quiet" }, this.say("tried")), picture, made("ul", { className: "looks" }, ...key));
  }

  // Slopes as long after their last step first.
  outcomes() {
    const { worst } = this.trial, { years } = this.page.policy.rule, of = (key) => worst.map((one) => this.called(one[key]));
    const back = this.spansOf((_, i) => this.setback(worst[i].back)), setback = back ? [this.say("back in", { years: back })] : [];
    const first = [...this.outcome(of("first"), "safe never"), ...setback];
    if (!worst.some((one) => one.sloped)) return first;
    const later = of("later"), unknown = this.spansOf((_, i) => worst[i].none), failed = this.spansOf((_, i) => this.called(worst[i].last) === "not safe");
    return [
      this.say("afterwards", { years }), ...(later.some(Boolean) ? this.outcome(later, "safe never judged") : []),
      ...(unknown ? [this.say("unknown in", { years: unknown })] : []),
      ...(failed ? [this.say("failed in", { years: failed, horizon: this.page.policy.horizon })] : []),
      this.say("as begun", { years }), ...first,
    ];
  }

  outcome(said, never) {
    const [safe, open] = ["safe", "open"].map((which) => this.spansOf((_, i) => said[i] === which));
    const first = safe ? this.say("safe in", { years: safe }) : this.say(never);
    return open ? [first, this.say("open in", { years: open })] : [first];
  }

  spansOf(wanted) { return this.spans(this.trial.years.filter(wanted)); }

  spans(years) {
    const found = [];
    for (const year of years) if (found.at(-1)?.[1] === year - 1) found.at(-1)[1] = year; else found.push([year, year]);
    return found.map(([low, high]) => (low === high ? `${low}` : this.say("to", { low, high }))).join(this.say("comma"));
  }
}
