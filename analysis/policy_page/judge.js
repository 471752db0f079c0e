// From runs to what is judged of them: shares, public money, units, years.

// All runs where they are, in pieces, the first `cut` times in those of an earlier setting: nothing is copied.
class Whole {
  constructor(parts, early, cut, piece, times, outputs) {
    Object.assign(this, { parts, early, cut, piece, times, outputs });
  }

  at(run, time, place) {
    const { cut, times, outputs } = this, piece = Math.floor(run / this.piece), own = run - piece * this.piece;
    if (time < cut) return this.early[piece][(own * times + time) * outputs + place];
    return this.parts[piece][(own * (times - cut) + time - cut) * outputs + place];
  }
}

function whole(parts, times, outputs, charts, early = null, cut = 0) { return new Whole(parts, early, cut, this.piece, times, outputs); }

// One output of all runs, as a function of run and time.
function reader(model, runs) {
  const places = new Map(model.outputs.map((one, i) => [one.name, i]));
  return (name) => { const place = places.get(name); return (run, time) => runs.at(run, time, place); };
}

const YEAR = 4;  // saved times
// A chart's numbers: what is gained over a year, a level, or one of two over the other, as a function of run and time.
function valueOf({ of: names, gained, scale }, of) {
  const [first, second] = names.map((name) => {
    const at = of(name);
    return gained ? (run, time) => at(run, time) - at(run, time - YEAR) : at;
  });
  return second ? (run, time) => first(run, time) * scale / second(run, time) : (run, time) => first(run, time) * scale;
}

const quantile = (sorted, share) => {  // of numbers that may be infinite
  const between = share * (sorted.length - 1), low = Math.floor(between), value = sorted[low], part = between - low;
  return part && value !== -Infinity && sorted[low + 1] !== value ? value + part * (sorted[low + 1] - value) : value;
};
const fan = (values) => { const sorted = Float64Array.from(values).sort(); return SHARES.map((share) => quantile(sorted, share)); };

// Quantiles of a chart over some draws, (share, time shown); those of `basis` are `known`, and are the same as long as the
// runs are.
function band(model, chart, runs, draws, basis = null, known = null) {
  const value = valueOf(chart, reader(model, runs)), out = SHARES.map(() => []);
  const order = Uint32Array.from(draws), one = new Float64Array(draws.length);
  for (const time of model.policy.shown) {  // in the order of the moment before, which is nearly that of this one
    if (known && time < runs.cut && runs.early === basis.parts) {
      out.forEach((values, i) => values.push(known[i][values.length]));
      continue;
    }
    let sound = true;
    for (let k = 0; k < order.length; k++) { one[k] = value(order[k], time); sound &&= !Number.isNaN(one[k]); }
    if (sound) sort(one, order); else one.sort();
    SHARES.forEach((share, i) => out[i].push(quantile(one, share)));
  }
  return out;
}

// How far the share of the market falls below its own highest since a start, at the worst within so many years: a part.
function setback(share, run, first, last) {
  let highest = 0, lost = 0;
  for (let time = first; time <= last; time++) {
    const own = share(run, time) || 0;
    highest = Math.max(highest, own);
    if (highest > 0) lost = Math.max(lost, 1 - own / highest);
  }
  return lost;
}

// The study's question: the share of the market some years after each start, over that of the same draw on the path that
// the ends are held against; slopes are asked as long after their last step, too, where the study reaches that far: `later`
// (`Ended.after` in analysis/phase_out/by_instrument/apart.py).
function judged(model, { base, instruments }, runs, basis, draws) {
  const { policy } = model, { rule } = policy, [own, other] = [runs, basis].map((one) => valueOf(policy.charts[0], reader(model, one)));
  const ends = Object.values(instruments).filter((one) => one.shape), starts = [...new Set(ends.map((one) => one.start))];
  const part = (some) => some.length / draws.length, ratioAt = (time) => draws.map((run) => own(run, time) / other(run, time));
  const found = starts.sort((a, b) => a - b).map((start) => {
    const [first, time] = [start, start + rule.years].map((year) => placeOf(model, year)), ratio = ratioAt(time);
    const over = Math.max(...ends.filter((one) => one.start === start).map((one) => overBy(policy, one)));
    const fall = draws.map((run) => setback(own, run, first, time) - setback(other, run, first, time));
    return {
      start, year: start + rule.years, ratio, fall,
      later: over > start ? laterOf(policy, over + rule.years, (year) => ratioAt(placeOf(model, year))) : null,
      fails: part(ratio.filter((one) => !(one >= rule.kept))), back: part(fall.filter((one) => one > rule.fall)),
    };
  });
  return { base, found, fails: found.length ? Math.max(...found.map((one) => one.fails)) : null };
}

// What is judged of a slope in a year: nothing beyond the study's horizon.
function laterOf({ rule, horizon }, year, ratioIn) {
  if (year > horizon) return { year, ratio: null, fails: null };
  const ratio = ratioIn(year), known = ratio.filter(Number.isFinite);
  return { year, ratio, fails: known.length ? known.filter((one) => one < rule.kept).length / known.length : null };
}

// Both judgements of all ends, the worst of each; `none`: a slope's later one lies beyond the horizon.
function worstOf(found) {
  const later = found.map((one) => one.later).filter(Boolean), known = later.map((one) => one.fails).filter((one) => one !== null);
  return { sloped: later.length > 0, fails: known.length ? Math.max(...known) : null, none: known.length < later.length };
}

// What is set, levels and all, by the same measure on the path held against: so long after levels change, or ends begin.
function together(model, { instruments }, runs, basis, draws) {
  const { policy } = model, { rule, horizon } = policy;
  const [own, other] = [runs, basis].map((one) => valueOf(policy.charts[0], reader(model, one)));
  const set = Object.values(instruments), ends = set.filter((one) => one.shape).map((one) => one.start);
  if (set.every((one) => one.level === 100)) return null;
  const from = ends.length ? ends : set.map((one) => one.since), asked = Math.max(...from) + rule.years, year = Math.min(asked, horizon);
  const place = placeOf(model, year);
  const ratio = draws.map((run) => own(run, place) / other(run, place));
  return { year, short: asked - year, ratio, fails: ratio.filter((one) => !(one >= rule.kept)).length / draws.length };
}

const placeOf = (model, year) => model.time.values.findIndex((time) => time >= year - 1e-9);

// Public money saved, units sold more, and what such a unit costs: of the path that sells more, in most draws, against the
// other, where it sells a thousandth more (`per_additional_unit` in analysis/phase_out/exit.py); all by draw.
function gained(model, runs, basis, draws) {
  const { policy } = model, [own, other] = [runs, basis].map((one) => reader(model, one)), end = placeOf(model, policy.horizon);
  const saved = draws.map((run) => {
    let sum = 0;
    for (const [name, weights] of Object.entries(policy.weights)) {
      const [mine, theirs] = [own(name), other(name)];
      for (let time = 0; time < weights.length; time++) if (weights[time]) sum += weights[time] * (theirs(run, time) - mine(run, time));
    }
    return sum;
  });
  const [mine, theirs] = [own, other].map((of) => draws.map((run) => of(policy.sold)(run, end)));
  const sold = mine.map((value, k) => value - theirs[k]);
  const more = 2 * sold.filter((one) => one > 0).length >= draws.length ? 1 : -1;
  const cost = sold.map((value, k) => (value * more > policy.few * Math.max(mine[k], theirs[k]) ? -saved[k] / value : NaN));
  return { saved, sold, more, cost };
}

// By how many units the two paths differ in the last year of the study, and which part that is of the most in any year: what
// of an effect is not over when the study is, by draw.
function leftOver(model, runs, basis, draws) {
  const { policy } = model, end = placeOf(model, policy.horizon), [own, other] = [runs, basis].map((one) => reader(model, one)(policy.sold));
  const gained = (of, run, time) => of(run, time) - of(run, time - YEAR), differ = (run, time) => gained(own, run, time) - gained(other, run, time);
  const last = draws.map((run) => differ(run, end)), part = draws.map((run, k) => {
    let most = 0;
    for (let time = YEAR; time <= end; time++) most = Math.max(most, Math.abs(differ(run, time)));
    return most ? Math.abs(last[k]) / most : 0;
  });
  return { last, part };
}

// Public money to the horizon by line, medians on both paths and of the difference: those lines of which there is anything.
function linesOf(model, runs, basis, draws) {
  const { policy } = model, end = placeOf(model, policy.horizon), [own, other] = [runs, basis].map((one) => reader(model, one));
  return policy.lines.map((name) => {
    const [mine, theirs] = [own, other].map((of) => draws.map((run) => of(name)(run, end))), middle = (values) => fan(values)[2];
    return { name, own: middle(mine), base: middle(theirs), more: middle(mine.map((value, k) => value - theirs[k])) };
  });
}

// Whether a share of draws that fail is safe, or not, or nothing that so many draws can tell from the bound: `verdict` in
// analysis/phase_out/exit.py.
function verdictOf({ probability, doubt }, fails, draws) {
  const error = doubt / Math.sqrt(draws);
  return fails < probability - error ? "safe" : fails < probability + error ? "open" : "not safe";
}
