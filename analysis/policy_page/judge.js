// From runs to what is judged of them: shares, public money, units, years.

const YEAR = 4;  // saved times
// One output, (time, draw), at some of the saved times.
function outputOf(model, name, runs, times, draws) {
  const place = model.outputs.findIndex((one) => one.name === name), some = [...times];
  if (draws.length === runs.runs) return runs.rows(place, some);
  const out = new Float64Array(some.length * draws.length);
  some.forEach((time, i) => runs.put(place, time, draws, out, i * draws.length));
  return out;
}

// What is found once for some draws of runs, as of the path held against.
function once(runs, draws, what, find) {
  const key = String(draws);
  if (runs.known?.key !== key) runs.known = { key };
  return (runs.known[what] ??= find());
}

// A chart's numbers, (time, draw): what is gained over a year, a level, or one of two over the other.
function valuesOf(model, { of: names, gained, scale }, runs, times, draws) {
  const [own, other] = names.map((name) => {
    const at = (by) => outputOf(model, name, runs, times.map((time) => time - by), draws), values = at(0), before = gained && at(YEAR);
    for (let k = 0; gained && k < values.length; k++) values[k] -= before[k];
    return values;
  });
  for (let k = 0; k < own.length; k++) own[k] = other ? own[k] * scale / other[k] : own[k] * scale;
  return own;
}

const quantile = (sorted, share) => {  // of numbers that may be infinite
  const between = share * (sorted.length - 1), low = Math.floor(between), value = sorted[low], part = between - low;
  return part && value !== -Infinity && sorted[low + 1] !== value ? value + part * (sorted[low + 1] - value) : value;
};
const fan = (values) => { const sorted = Float64Array.from(values).sort(); return SHARES.map((share) => quantile(sorted, share)); };

// Quantiles of a chart over some draws, (share, time shown); those of `basis` are `known`, and are the same as long as the
// runs are.
function band(model, chart, runs, draws, basis = null, known = null) {
  const { shown } = model.policy, same = known && runs.early === basis.parts ? shown.filter((time) => time < runs.cut).length : 0;
  const out = SHARES.map((_, i) => (same ? known[i].slice(0, same) : [])), count = draws.length, ends = SHARES.length;
  const values = valuesOf(model, chart, runs, shown.slice(same), draws), order = Uint32Array.from(draws.keys()), one = new Float64Array(count);
  for (let first = 0; first < values.length; first += count) {  // in the order of the moment before, which is nearly that of this one
    let sound = true;
    for (let k = 0; k < count; k++) { one[k] = values[first + order[k]]; sound &&= !Number.isNaN(one[k]); }
    if (sound) sort(one, order); else one.sort();
    for (let i = 0; i < ends; i++) out[i].push(quantile(one, SHARES[i]));
  }
  return out;
}

// How far the share of the market, (time, draw), falls below its own highest of one draw, at the worst: a part.
function setback(shares, draw, draws) {
  let highest = 0, lost = 0;
  for (let at = draw; at < shares.length; at += draws) {
    const own = shares[at] || 0;
    highest = Math.max(highest, own);
    if (highest > 0) lost = Math.max(lost, 1 - own / highest);
  }
  return lost;
}

// The share of the market over that of the same draw on another path, at a time.
function ratiosAt(model, runs, basis, time, draws) {
  const [own, other] = [runs, basis].map((one) => valuesOf(model, model.policy.charts[0], one, [time], draws));
  return Array.from(own, (value, k) => value / other[k]);
}

// The study's question: the share of the market some years after each start, over that of the same draw on the path that
// the ends are held against; slopes are asked as long after their last step, too, where the study reaches that far: `later`
// (`Ended.after` in analysis/phase_out/by_instrument/apart.py).  Ends of what is not paid any more are not asked about
// beside others.
function judged(model, { base, world, instruments }, runs, basis, draws) {
  const { policy } = model, { rule } = policy;
  const set = Object.entries(instruments).filter(([, one]) => isDated(one)), nothing = idle(model, { base, world, instruments });
  const told = set.some(([name]) => !nothing.includes(name)) ? set.filter(([name]) => !nothing.includes(name)) : set;
  const starts = [...new Set(told.map(([, one]) => one.start))];
  const part = (some) => some.length / draws.length, ratioAt = (time) => ratiosAt(model, runs, basis, time, draws);
  const found = starts.sort((a, b) => a - b).map((start) => {
    const [first, time] = [start, start + rule.years].map((year) => placeOf(model, year)), ratio = ratioAt(time);
    const own = told.filter(([, one]) => one.start === start), over = Math.max(...own.map(([, one]) => overBy(policy, one)));
    const times = [...Array(time + 1).keys()].slice(first);
    const [here, there] = [runs, basis].map((one) => valuesOf(model, policy.charts[0], one, times, draws));
    const fall = draws.map((_, k) => setback(here, k, draws.length) - setback(there, k, draws.length));
    return {
      names: own.map(([name]) => name), start, year: start + rule.years, ratio, fall,
      later: over > start ? laterOf(policy, over + rule.years, (year) => ratioAt(placeOf(model, year))) : null,
      fails: part(ratio.filter((one) => !(one >= rule.kept))), back: part(fall.filter((one) => one > rule.fall)),
    };
  });
  return { found, worst: worstOf(found), idle: told.length > 0 && told.every(([name]) => nothing.includes(name)) };
}

// What is judged of a slope in a year; of one `beyond` the study's horizon only its last year is known.
function laterOf({ rule, horizon }, asked, ratioIn) {
  const year = Math.min(asked, horizon), ratio = ratioIn(year), known = ratio.filter(Number.isFinite);
  const fails = known.length ? known.filter((one) => one < rule.kept).length / known.length : null;
  return { year, ratio, fails, beyond: asked > horizon ? asked : null };
}

// All judgements of all ends, the worst of each: `first` so long after a start, `later` after a last step, `last` in the last
// year of the study where the later one lies beyond it, `all` of them, and setbacks; null where nothing is judged.
function worstOf(found) {
  const later = found.map((one) => one.later).filter(Boolean), worst = (some) => {
    const known = some.map((one) => one.fails).filter((one) => one !== null);
    return known.length ? Math.max(...known) : null;
  };
  return {
    first: worst(found), later: worst(later.filter((one) => !one.beyond)), last: worst(later.filter((one) => one.beyond)),
    all: worst([...found, ...later]), sloped: later.length > 0, none: later.some((one) => one.beyond || one.fails === null),
    back: found.length ? Math.max(...found.map((one) => one.back)) : null,
  };
}

// What is set, levels and all, by the same measure on the path held against: so long after levels change, or ends begin.  Ends
// that wait have `began` in another year in each draw, and each is measured so long after its own, by the horizon at the latest.
function together(model, { instruments }, runs, basis, draws, began) {
  const { policy } = model, { rule, horizon } = policy, set = Object.values(instruments), ends = set.filter(isDated).map((one) => one.start);
  if (!began.length && set.every((one) => one.level === 100)) return null;
  const from = ends.length || began.length ? ends : set.map((one) => one.since), known = {};
  const asked = draws.map((_, k) => Math.max(...from, ...began.map(({ years }) => years[k]).filter(Number.isFinite)) + rule.years);
  const ratio = asked.map((year, k) => {
    const within = Number.isFinite(year) ? Math.min(year, horizon) : horizon;
    return (known[within] ??= ratiosAt(model, runs, basis, placeOf(model, within), draws))[k];
  });
  const year = Math.min(asked[0], horizon), fails = ratio.filter((one) => !(one >= rule.kept)).length / draws.length;
  return { year, short: asked[0] - year, ratio, fails };
}

const placeOf = (model, year) => model.time.values.findIndex((time) => time >= year - 1e-9);

// Public money in present value, by draw: what is paid to the horizon, and what falls due later on contracts and debts.
function outlayOf(model, runs, draws) {
  const { policy } = model, out = { paid: draws.map(() => 0), due: draws.map(() => 0) }, count = draws.length;
  for (const [name, weights] of Object.entries(policy.weights)) {
    const times = [...weights.keys()].filter((time) => weights[time]), values = outputOf(model, name, runs, times, draws);
    const sum = out[name === policy.total ? "paid" : "due"];
    for (let i = 0, at = 0; i < times.length; i++)
      for (let k = 0, weight = weights[times[i]]; k < count; k++) sum[k] += weight * values[at++];
  }
  return { ...out, worth: out.paid.map((value, k) => value + out.due[k]) };
}

// A number beside another one; so small a part of it as rounding leaves is none.
const beside = ({ noise }, value, other) => (Math.abs(value) < noise * Math.abs(other) ? 0 : value);
const lessBy = (policy, one, other) => beside(policy, one - other, Math.max(Math.abs(one), Math.abs(other)));

// Public money saved, units sold more, and what such a unit costs: of the path that sells more, in most draws, against the
// other, where it sells a thousandth more (`per_additional_unit` in analysis/phase_out/exit.py); all by draw.
function gained(model, runs, basis, draws) {
  const { policy } = model, outlays = [outlayOf(model, runs, draws), once(basis, draws, "outlay", () => outlayOf(model, basis, draws))];
  const [saved, now, due] = ["worth", "paid", "due"].map((key) => outlays[1][key].map((value, k) => lessBy(policy, value, outlays[0][key][k])));
  const [mine, theirs] = [runs, basis].map((one) => Array.from(outputOf(model, policy.sold, one, [placeOf(model, policy.horizon)], draws)));
  const sold = mine.map((value, k) => value - theirs[k]);
  const more = 2 * sold.filter((one) => one > 0).length >= draws.length ? 1 : -1;
  const spent = outlays[0].worth.map((value, k) => value - outlays[1].worth[k]);
  const cost = sold.map((value, k) => (value * more > policy.few * Math.max(mine[k], theirs[k]) ? spent[k] / value : NaN));
  return { saved, now, due, outlays, sold, more, cost };
}

// By how many units the two paths differ in the last year of the study, and which part that is of the most in any year: what
// of an effect is not over when the study is, by draw.
function leftOver(model, runs, basis, draws) {
  const { policy } = model, times = [...Array(placeOf(model, policy.horizon) + 1).keys()], count = draws.length, year = YEAR * count;
  const sold = (one) => outputOf(model, policy.sold, one, times, draws), own = sold(runs), other = once(basis, draws, "sold", () => sold(basis));
  const most = new Float64Array(count), last = new Array(count);
  for (let at = year; at < own.length;)
    for (let k = 0; k < count; k++, at++) {
      last[k] = own[at] - own[at - year] - (other[at] - other[at - year]);
      most[k] = Math.max(most[k], Math.abs(last[k]));
    }
  return { last, part: last.map((value, k) => (most[k] ? Math.abs(value) / most[k] : 0)) };
}

// Public money by line, medians on both paths and of the difference: to the horizon, then what falls due later, of it what is
// owed at the horizon already, and all in present value.
function linesOf(model, runs, basis, draws, { outlays }) {
  const { policy } = model, { owed, support } = policy, middle = (values) => fan(values)[2];
  const [end, last] = [placeOf(model, policy.horizon), model.time.values.length - 1];
  const at = (name, time) => [runs, basis].map((one) => outputOf(model, name, one, [time], draws));
  const row = (name, [mine, theirs]) => {
    const [own, base] = [mine, theirs].map(middle), more = middle(mine.map((value, k) => lessBy(policy, value, theirs[k])));
    return { name, own: beside(policy, own, base), base: beside(policy, base, own), more };
  };
  const [paid, until, then] = [at(support, last), at(support, end), at(owed, last)];
  return [
    ...policy.lines.filter((name) => name !== owed).map((name) => row(name, at(name, end))),
    row("due", paid.map((values, i) => values.map((value, k) => value - until[i][k] + then[i][k]))),
    row("owed", at(owed, end)), row("worth", outlays.map((one) => one.worth)),
  ];
}

// What is told of a cost by draw: whether it is clear that more is paid for more, or less for less, or neither, or not.
function costSign({ cost, more }) {
  const [low, , , , high] = fan(cost.filter((one) => !Number.isNaN(one)));
  if (low <= 0 && high >= 0) return "cost unclear";
  return high < 0 ? (more > 0 ? "cost none" : "cost lost") : more > 0 ? "cost" : "cost kept";
}

// Whether a share of draws that fail is safe, or not, or nothing that so many draws can tell from the bound: `verdict` in
// analysis/phase_out/exit.py.
function verdictOf({ probability, doubt }, fails, draws) {
  const error = doubt / Math.sqrt(draws);
  return fails < probability - error ? "safe" : fails < probability + error ? "open" : "not safe";
}
