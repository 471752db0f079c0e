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
    const { page } = this, { found, fails, draws } = page.answer, said = fails === null ? "no exit" : verdictOf(page.policy.rule, fails, draws.length);
    byId("verdict").className = LOOK[said]?.[0] ?? "";
    byId("verdict").ariaBusy = "false";
    byId("answer").textContent = this.say(said);
    const lines = [...this.shares(said, found), ...this.sums(), ...this.doubts(fails)];
    byId("reasons").replaceChildren(...lines.map((one) => made("p", {}, one)));
    byId("command").textContent = page.setting.command(page.model.draws) ?? this.say("none");
    this.money();
    this.years();
  }

  shares(said, found) {
    const { policy, answer, language } = this.page, { rule } = policy, draws = answer.draws.length, last = (year) => moment(year - 1);
    if (!found.length) return [this.say("ask")];
    const out = found.map((one) => {
      const [low, , median, , high] = fan(one.ratio).map((value) => percent(value, 0));
      const year = Number.isInteger(one.year) ? last(one.year) : `${last(one.year)}\u2013${moment(one.year)}`;
      const fields = { year, kept: percent(rule.kept, 0), fails: percent(one.fails), draws, probability: percent(rule.probability, 0) };
      return this.say("rule", fields) + (language === "zh" ? "" : " ") + this.say("share", { median, low, high });
    });
    if (said === "open") {
      const error = rule.doubt / Math.sqrt(draws), [low, high] = [-error, error].map((by) => percent(Math.max(rule.probability + by, 0)));
      out.push(this.say("open why", { draws, low, high, probability: percent(rule.probability, 0), all: policy.asked }));
    }
    const back = percent(Math.max(...found.map((one) => one.back)));
    out.push(this.say("past", { years: rule.years, fall: percent(rule.fall, 0), back }));
    return found.length > 1 ? [...out, this.say("first", { years: rule.years })] : out;
  }

  sums() {
    const { result, answer, words, policy } = this.page, { saved, sold, cost, more } = answer, { horizon } = policy;
    if (!Object.keys(result.asked.instruments).length) return [];
    const numbers = (values, { factor, unit }) => { const [low, , median, , high] = fan(values).map((value) => told(value * factor, 3)); return { low, median, high, unit, horizon }; };
    const out = [this.say("saved", { ...numbers(saved, words.money), base: policy.year, rate: percent(policy.rate, 1) }), this.say("sold", numbers(sold, words.sold))];
    const defined = cost.filter((one) => !Number.isNaN(one));
    if (defined.length < policy.defined * cost.length) return [...out, this.say("no cost", { horizon })];
    return [...out, this.say(more > 0 ? "cost" : "cost kept", { ...numbers(defined, words.cost), of: percent(defined.length / cost.length, 0) })];
  }

  doubts(fails) {
    const { model, result, answer, words, setting, policy } = this.page, out = [];
    const name = (one) => this.page.capital(words.instruments[one]), { instruments } = result.asked;
    for (const [one, count] of answer.cut) out.push(this.say("cut", { instrument: name(one), count, draws: model.draws }));
    for (const one of idle(model, result.asked)) out.push(this.say("idle", { instrument: name(one), start: moment(instruments[one].start) }));
    if (setting.third !== "all") out.push(this.say("few"));
    if (fails !== null && setting.base !== policy.bases[0]) out.push(this.say("of history"));
    if (answer.bad) out.push(this.say("bad", { count: answer.bad, draws: answer.draws.length + answer.bad }));
    return out;
  }

  money() {
    const { words, answer, setting } = this.page, { factor } = words.money, rows = answer.lines.filter((one) => one.own || one.base);
    const head = ["line", "here", ...(setting.changed ? ["base", "more"] : [])], cell = (value) => made("td", {}, told(value * factor, 3));
    byId("money").replaceChildren(
      made("thead", {}, made("tr", {}, ...head.map((key) => made("th", { scope: "col" }, this.say(key))))),
      made("tbody", {}, ...rows.map((one) => made("tr", {}, made("th", { scope: "row" }, words.lines[one.name]), ...[one.own, one.base, one.more].slice(0, head.length - 1).map(cell)))));
  }

  years() {
    const { answer, setting } = this.page, year = (value) => (Number.isFinite(value) ? value.toFixed(1) : this.say("not reached"));
    byId("stages").replaceChildren(...answer.years.map(({ level, own, base, lost }) => {
      const fields = { level: percent(level, 0), own: year(own), base: year(base) }, [low, , median, , high] = lost;
      if (!setting.changed || !Number.isFinite(own) || !Number.isFinite(base)) return made("li", {}, this.say(setting.changed ? "stage both" : "stage", fields));
      const way = Math.abs(median) < 0.05 ? "same" : median > 0 ? "later" : "sooner", ends = way === "sooner" ? [-high, -low] : [low, high];
      const [least, most] = ends.map((end) => (Number.isFinite(end) ? told(end + 0, 2) : this.say("not reached")));
      return made("li", {}, this.say(way, { ...fields, years: Math.abs(median).toFixed(1), low: least, high: most }));
    }));
  }

  // ---- every start

  forget() {
    this.trial = null;
    byId("years").replaceChildren();
    byId("tried").textContent = "";
  }

  // The same ends from every year, one after the other, until anything is set anew.
  async scan() {
    const { page } = this, { model, policy } = page, [low, high] = policy.limits.start, asked = page.setting.now, draws = page.setting.draws(), years = [];
    for (let year = Math.ceil(low); year <= high; year++) years.push(year);
    this.forget();
    if (!startingIn(asked, low)) { byId("tried").textContent = this.say("one start"); return; }
    const late = (year) => Object.values(startingIn(asked, year).instruments).some((one) => overBy(policy, one) > policy.over);
    const trial = { years: years.filter((year) => !late(year)), fails: [], draws: draws.length }, basis = await page.basis(asked.base);
    this.trial = trial;
    for (const year of trial.years) {
      const setting = startingIn(asked, year), made = await page.run(setting, () => this.trial === trial, false);
      if (!made || this.trial !== trial) return;
      trial.fails.push(judged(model, setting, made.runs, basis, draws).fails);
      this.bars();
    }
  }

  bars() {
    if (!this.trial) return;
    const { years, fails, draws } = this.trial, { rule } = this.page.policy, said = fails.map((share) => verdictOf(rule, share, draws));
    const { x, y, parts, text, box } = frame(0, 100, [years[0] - 0.6, years.at(-1) + 0.6], 640, 150, "%"), wide = x(years[0] + 0.35) - x(years[0] - 0.35);
    fails.forEach((share, i) => {
      const top = y(Math.max(100 * share, 0.8));
      parts.push(drawn("rect", { x: x(years[i]) - wide / 2, y: top, width: wide, height: box.bottom - top, fill: LOOK[said[i]][1] }));
    });
    years.forEach((year, i) => { if (i % 5 === 0) parts.push(text(moment(year), { x: x(year), y: box.bottom + 17, "text-anchor": "middle" })); });
    const at = y(100 * rule.probability);
    parts.push(drawn("line", { x1: box.left, x2: box.right, y1: at, y2: at, stroke: INK, "stroke-dasharray": "4 3" }));
    const [safe, open] = ["safe", "open"].map((which) => this.spans(years.filter((_, i) => said[i] === which)));
    const answer = [safe ? this.say("safe in", { years: safe }) : this.say("safe never"), open && this.say("open in", { years: open })].filter(Boolean).join(" ");
    byId("tried").textContent = fails.length < years.length ? this.say("trying", { done: fails.length, all: years.length }) : answer;
    const label = `${this.say("tried")}: ${fails.map((share, i) => `${years[i]}: ${percent(share)}`).join(", ")}`;
    byId("years").replaceChildren(made("p", { className: "quiet" }, this.say("tried")), drawn("svg", { role: "img", viewBox: "0 0 640 150", "aria-label": label }, ...parts));
  }

  spans(years) {
    const found = [];
    for (const year of years) if (found.at(-1)?.[1] === year - 1) found.at(-1)[1] = year; else found.push([year, year]);
    return found.map(([low, high]) => (low === high ? `${low}` : this.say("to", { low, high }))).join(", ");
  }
}
