// The answer in words, what it rests on, and the same end from every year.

const LOOK = { safe: ["safe", "#166534"], open: ["open", "#8c96a1"], "not safe": ["unsafe", "#b45309"] };
const percent = (share, digits = 1) => String(Number((100 * share).toFixed(digits)));

class Verdict {
  constructor(page) {
    Object.assign(this, { page, trial: null });
    byId("try").onclick = () => this.scan();
  }

  say(key, fields) { return this.page.say(key, fields); }

  tell() {
    const { page } = this, { result, answer } = page, { found, fails, all, draws } = answer, { rule } = page.policy;
    const said = fails === null ? "no exit" : verdictOf(rule, fails, draws.length), later = worstOf(found);
    const then = later.fails === null ? null : verdictOf(rule, later.fails, draws.length);
    byId("verdict").className = this.look(said, then, later);
    byId("answer").textContent = this.answer(said, then, later, all);
    const lines = [...this.shares(said, then, found), ...this.levels(all, found), ...this.sums(), ...this.doubts(fails)];
    byId("reasons").replaceChildren(...lines.map((one) => made("p", {}, one)));
    byId("summary").textContent = this.summary(result.asked);
    const command = page.setting.command(result.asked, page.model.draws);
    byId("command").textContent = command.said ?? this.say(command.none);
    this.money();
  }

  // The worse of both judgements; what is not judged is not called safe.
  look(said, then, later) {
    const worst = ["not safe", "open", "safe"].find((one) => [said, then].includes(one));
    return LOOK[worst === "safe" && later.none ? "open" : worst]?.[0] ?? "";
  }

  answer(said, then, later, all) {
    if (said === "no exit") return this.say(all ? "no exit levels" : said);
    if (!later.sloped) return this.say(said);
    const after = [then && this.say(then), later.none && this.say("not judged")].filter(Boolean).join("; ");
    return this.say("twice", { years: this.page.policy.rule.years, now: this.say(said), later: after });
  }

  // The year that ends at a moment, or the two that it lies in.
  yearTo(end) { return Number.isInteger(end) ? moment(end - 1) : `${moment(end - 1)}\u2013${moment(end)}`; }

  // What of the share is there in a year, by a key of words, and in how many draws too little.
  ratio(key, { year, ratio, fails }, more = {}) {
    const { policy, answer, language } = this.page, { rule } = policy, [low, , median, , high] = fan(ratio).map((one) => percent(one, 0));
    const fields = { year: this.yearTo(year), kept: percent(rule.kept, 0), fails: percent(fails) };
    const said = this.say(key, { ...fields, probability: percent(rule.probability, 0), draws: answer.draws.length, ...more });
    return said + (language === "zh" ? "" : " ") + this.say("share", { median, low, high });
  }

  shares(said, then, found) {
    const { policy, answer, result } = this.page, { rule, horizon } = policy, draws = answer.draws.length;
    if (!found.length) return answer.all ? [] : [this.say("ask")];
    const path = this.say(result.kept === result.basis ? "the path" : "the levels");
    const out = found.flatMap((one) => [this.ratio("rule", one, { path }), ...this.later(one.later, path, horizon)]);
    if ([said, then].includes("open")) {
      const error = rule.doubt / Math.sqrt(draws), [low, high] = [-error, error].map((by) => percent(Math.max(rule.probability + by, 0)));
      out.push(this.say("open why", { draws, low, high, probability: percent(rule.probability, 0), all: policy.asked }));
    }
    const back = percent(Math.max(...found.map((one) => one.back)));
    out.push(this.say("past", { years: rule.years, fall: percent(rule.fall, 0), back }));
    return found.length > 1 ? [...out, this.say("first", { years: rule.years })] : out;
  }

  // A slope as long after its last step.
  later(one, path, horizon) {
    if (!one) return [];
    if (one.fails === null) return [this.say("beyond", { year: moment(one.year), more: moment(one.year - horizon), horizon })];
    return [this.ratio("after", one, { path })];
  }

  // Levels are no end; what all that is set does by the same measure.
  levels(all, found) {
    if (!all) return [];
    const { rule, horizon } = this.page.policy, out = [this.ratio("all set", all)];
    if (all.short > 0) out.push(this.say("short", { years: moment(rule.years - all.short), horizon }));
    return found.length ? [this.say("levels apart"), ...out] : [this.say("levels only"), ...out];
  }

  sums() {
    const { result, answer, words, policy } = this.page, { saved, sold, cost, more, left } = answer, { horizon } = policy;
    if (!Object.keys(result.asked.instruments).length) return [];
    const numbers = (values, { factor, unit }) => {
      const [low, , median, , high] = fan(values).map((value) => told(value * factor, 3));
      return { low, median, high, unit, horizon };
    };
    const money = { ...numbers(saved, words.money), base: policy.year, rate: percent(policy.rate, 1) };
    const out = [this.say("saved", money), this.say("sold", numbers(sold, words.sold))];
    const ended = { year: this.yearTo(horizon), part: percent(fan(left.part)[2], 0) };
    out.push(this.say("left", { ...numbers(left.last, words.sold), ...ended }));
    const defined = cost.filter((one) => !Number.isNaN(one));
    if (defined.length < policy.defined * cost.length) return [...out, this.say("no cost", { horizon })];
    const of = percent(defined.length / cost.length, 0);
    return [...out, this.say(more > 0 ? "cost" : "cost kept", { ...numbers(defined, words.cost), of })];
  }

  doubts(fails) {
    const { model, result, answer, words, policy } = this.page, out = [], { instruments, base, third } = result.asked;
    const name = (one) => this.page.capital(words.instruments[one]);
    const about = (one) => policy.instruments.find((other) => other.name === one);
    for (const [one, count] of answer.cut) out.push(this.say("cut", { instrument: name(one), count, draws: model.draws }));
    for (const one of clipped(model, result.asked)) {
      const { factor, unit } = words.units[one];
      out.push(this.say("clipped", { instrument: name(one), most: told(about(one).most * factor, 3), unit }));
    }
    for (const one of result.shortened) out.push(this.say("shortened", { instrument: name(one), length: instruments[one].length }));
    for (const one of idle(model, result.asked))
      out.push(this.say("idle", { instrument: name(one), start: moment(instruments[one].start) }));
    if (third !== "all") out.push(this.say("few"));
    if (fails !== null && base !== policy.bases[0]) out.push(this.say("of history"));
    if (answer.bad) out.push(this.say("bad", { count: answer.bad, draws: answer.draws.length + answer.bad }));
    return out;
  }

  // What is set, in words, for paper.
  summary({ base, world, third, instruments }) {
    const { words, policy } = this.page, part = (key, value) => `${this.say(key)} ${value}`;
    const each = policy.instruments.filter(({ name }) => instruments[name]).map(({ name, announced }) => {
      const one = instruments[name], out = [];
      if (one.level !== 100) out.push(part("level", one.level), part("since", one.since));
      if (one.shape) out.push(part("end", this.say(one.shape)), part("start", one.start));
      if (one.shape && policy.shapes[one.shape].length > 1) out.push(part("length", one.length));
      if (one.shape && announced) out.push(part("announced", one.announced));
      return `${this.page.capital(words.instruments[name])}: ${out.join(", ")}`;
    });
    const where = world === policy.worlds[0].name ? [] : [part("world", words.worlds[world].name)];
    return [part("against", this.say(base)), ...where, part("buyers", this.say(third)), ...each].join("; ");
  }

  money() {
    const { words, answer, result } = this.page, { factor } = words.money, changed = Object.keys(result.asked.instruments).length > 0;
    const head = ["line", "here", ...(changed ? ["base", "more"] : [])], cell = (value) => made("td", {}, told(value * factor, 3));
    const values = (one) => [one.own, one.base, one.more].slice(0, head.length - 1).map(cell);
    const row = (one) => made("tr", {}, made("th", { scope: "row" }, words.lines[one.name]), ...values(one));
    const rows = answer.lines.filter((one) => one.own || one.base).map(row);
    const heads = head.map((key) => made("th", { scope: "col" }, this.say(key)));
    byId("money").replaceChildren(made("thead", {}, made("tr", {}, ...heads)), made("tbody", {}, ...rows));
  }

  // ---- every start

  forget() {
    this.trial = this.refused = null;
    byId("years").replaceChildren();
    byId("tried").textContent = "";
  }

  // What every start gave, in the language that is spoken now.
  retell() {
    if (this.refused) byId("tried").textContent = this.say(this.refused);
    this.bars();
  }

  // The same ends from every year, one after the other, until anything is set anew.
  async scan() {
    const { page } = this, { model, policy } = page;
    if (page.busy) return;  // its runs would take the place of those that are waited for
    const [low, high] = policy.limits.start, asked = page.setting.whole, years = [];
    for (let year = Math.ceil(low); year <= high; year++) years.push(year);
    this.forget();
    if (!startingIn(asked, low)) {
      this.refused = "one start";
      this.retell();
      return;
    }
    const late = (year) => Object.values(startingIn(asked, year).instruments).some((one) => overBy(policy, one) > policy.over);
    const draws = page.setting.draws(), trial = { years: years.filter((year) => !late(year)), fails: [], later: [], draws: draws.length };
    this.trial = trial;
    const wanted = () => this.trial === trial;
    let basis = null;
    while (!basis && wanted()) basis = await page.basis(asked);
    const kept = wanted() ? await page.against(asked, basis, wanted) : null;
    for (const year of trial.years) {
      const setting = startingIn(asked, year), made = kept && wanted() ? await page.run(setting, wanted, false) : null;
      if (!made || !wanted()) return;
      const { found, fails } = judged(model, setting, made.runs, kept, draws);
      trial.fails.push(fails);
      trial.later.push(worstOf(found));
      this.bars();
    }
  }

  bars() {
    if (!this.trial) return;
    const { years, fails, later, draws } = this.trial, { rule } = this.page.policy;
    const said = fails.map((share) => verdictOf(rule, share, draws));
    const width = Math.max(280, Math.min(640, byId("trial").clientWidth || 640)), ends = [years[0] - 0.6, years.at(-1) + 0.6];
    const { x, y, parts, text, box } = frame(0, 100, ends, width, 150, "%"), wide = x(years[0] + 0.35) - x(years[0] - 0.35);
    fails.forEach((share, i) => {
      const top = y(Math.max(100 * share, 0.8)), at = { x: x(years[i]) - wide / 2, y: top, width: wide, height: box.bottom - top };
      parts.push(drawn("rect", { ...at, fill: LOOK[said[i]][1] }));
    });
    const under = (year) => text(moment(year), { x: x(year), y: box.bottom + 17, "text-anchor": "middle" });
    parts.push(...years.filter((_, i) => i % 5 === 0).map(under));
    const at = y(100 * rule.probability);
    parts.push(drawn("line", { x1: box.left, x2: box.right, y1: at, y2: at, stroke: INK, "stroke-dasharray": "4 3" }));
    const answer = [...this.outcome(said), ...this.afterwards(later, draws)].join(this.page.language === "zh" ? "" : " ");
    byId("tried").textContent = fails.length < years.length ? this.say("trying", { done: fails.length, all: years.length }) : answer;
    const label = `${this.say("tried")}: ${fails.map((share, i) => `${years[i]}: ${percent(share)}`).join(", ")}`;
    const picture = drawn("svg", { role: "img", viewBox: `0 0 ${width} 150`, "aria-label": label }, ...parts);
    picture.style.maxWidth = `${width}px`;
    byId("years").replaceChildren(made("p", { className: "quiet" }, this.say("tried")), picture);
  }

  outcome(said) {
    const of = (which) => this.spans(this.trial.years.filter((_, i) => said[i] === which)), [safe, open] = ["safe", "open"].map(of);
    const first = safe ? this.say("safe in", { years: safe }) : this.say("safe never");
    return open ? [first, this.say("open in", { years: open })] : [first];
  }

  // Slopes as long after their last step.
  afterwards(later, draws) {
    if (!later.some((one) => one.sloped)) return [];
    const { years } = this.trial, { rule } = this.page.policy, unknown = this.spans(years.filter((_, i) => later[i]?.none));
    const said = later.map((one) => (one.none || one.fails === null ? "" : verdictOf(rule, one.fails, draws)));
    const out = [this.say("afterwards", { years: rule.years }), ...this.outcome(said)];
    return unknown ? [...out, this.say("unknown in", { years: unknown })] : out;
  }

  spans(years) {
    const found = [];
    for (const year of years) if (found.at(-1)?.[1] === year - 1) found.at(-1)[1] = year; else found.push([year, year]);
    return found.map(([low, high]) => (low === high ? `${low}` : this.say("to", { low, high }))).join(", ");
  }
}
