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
  return part && sorted[low + 1] !== value ? value + part * (sorted[low + 1] - value) : value;
};
const fan = (values) => { const sorted = Float64Array.from(values).sort(); return SHARES.map((share) => quantile(sorted, share)); };

// Quantiles of a chart over some draws, (share, time shown); those of `basis` are `known`, and are the same as long as the
// runs are.
function band(model, chart, runs, draws, basis = null, known = null) {
  const value = valueOf(chart, reader(model, runs)), out = SHARES.map(() => []), order = Uint32Array.from(draws), one = new Float64Array(draws.length);
  for (const time of model.policy.shown) {  // in the order of the moment before, which is nearly that of this one
    if (known && time < runs.cut && runs.early === basis.parts) { out.forEach((values, i) => values.push(known[i][values.length])); continue; }
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

// The year in which a path reaches a level and stays for a year, or to the end (`year_reached` in stockflow/over_time.py).
function reached(times, path, run, level) {
  for (let time = 0; time < times.length; time++) {
    if (!(path(run, time) >= level)) continue;
    let end = time;
    while (end < times.length && path(run, end) >= level && times[end] - times[time] < 1) end++;
    if (end < times.length && times[end] - times[time] < 1) { time = end; continue; }
    if (!time) return times[0];
    const [low, high] = [path(run, time - 1), path(run, time)];
    return times[time - 1] + (level - low) / (high - low) * (times[time] - times[time - 1]);
  }
  return Infinity;
}

// The study's question: the share of the market some years after each start, over that of the same draw on the base.
function judged(model, { base, instruments }, runs, basis, draws) {
  const { policy } = model, { rule } = policy, [own, other] = [runs, basis].map((one) => valueOf(policy.charts[0], reader(model, one)));
  const starts = [...new Set(policy.instruments.map((one) => instruments[one.name]).filter((one) => one?.shape).map((one) => one.start))];
  const part = (some) => some.length / draws.length;
  const found = starts.sort((a, b) => a - b).map((start) => {
    const [first, time] = [start, start + rule.years].map((year) => placeOf(model, year)), ratio = draws.map((run) => own(run, time) / other(run, time));
    const fall = draws.map((run) => setback(own, run, first, time) - setback(other, run, first, time));
    return {
      start, year: start + rule.years, ratio, fall,
      fails: part(ratio.filter((one) => !(one >= rule.kept))), back: part(fall.filter((one) => one > rule.fall)),
    };
  });
  return { base, found, fails: found.length ? Math.max(...found.map((one) => one.fails)) : null };
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
  const [mine, theirs] = [own, other].map((of) => draws.map((run) => of(policy.sold)(run, end))), sold = mine.map((value, k) => value - theirs[k]);
  const more = 2 * sold.filter((one) => one > 0).length >= draws.length ? 1 : -1;
  const cost = sold.map((value, k) => (value * more > policy.few * Math.max(mine[k], theirs[k]) ? -saved[k] / value : NaN));
  return { saved, sold, more, cost };
}

// Public money to the horizon by line, medians on both paths and of the difference: those lines of which there is anything.
function linesOf(model, runs, basis, draws) {
  const { policy } = model, end = placeOf(model, policy.horizon), [own, other] = [runs, basis].map((one) => reader(model, one));
  return policy.lines.map((name) => {
    const [mine, theirs] = [own, other].map((of) => draws.map((run) => of(name)(run, end))), middle = (values) => fan(values)[2];
    return { name, own: middle(mine), base: middle(theirs), more: middle(mine.map((value, k) => value - theirs[k])) };
  });
}

// Years in which the share of the market reaches some levels, medians on both paths, and how many of them are lost.
function yearsOf(model, runs, basis, draws) {
  const { policy } = model, end = placeOf(model, policy.horizon) + 1, times = model.time.values.slice(0, end);
  return policy.levels.map((level) => {
    const [own, other] = [runs, basis].map((one) => { const path = reader(model, one)(policy.share); return draws.map((run) => reached(times, path, run, level)); });
    const lost = own.map((year, k) => (year === other[k] ? 0 : year - other[k]));
    return { level, own: fan(own)[2], base: fan(other)[2], lost: fan(lost) };
  });
}

// Whether a share of draws that fail is safe, or not, or nothing that so many draws can tell from the bound: `verdict` in
// analysis/phase_out/exit.py.
function verdictOf({ probability, doubt }, fails, draws) {
  const error = doubt / Math.sqrt(draws);
  return fails < probability - error ? "safe" : fails < probability + error ? "open" : "not safe";
}
