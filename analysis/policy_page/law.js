// From what is set to paths of instruments, and from runs to what is judged.  No law of support is here: what is paid of
// an instrument, and which share of it a shape leaves, are numbers and corners that the page was given.

const USUAL = { level: 100, shape: "", announced: 0 };
const isUsual = (one) => !one || (one.level === 100 && !one.shape);

// The share that is left at a time: straight between the corners (part, share just before, share from there on).
function shareLeft(corners, one, time) {
  if (!corners || time < one.start) return 1;
  const part = corners.length > 1 ? (time - one.start) / one.length : 0;
  let k = 0;
  while (k + 1 < corners.length && part >= corners[k + 1][0]) k++;
  const [at, , value] = corners[k], next = corners[k + 1];
  return next ? value + (part - at) * (next[1] - value) / (next[0] - at) : value;
}

// What is paid at a place of the grid with a share of it left, of a part of what was paid.
function paidAt(line, place, part, share, most) {
  const full = line.full[place], low = line.low ? line.low[place] : 0;
  let level = full;
  if (part !== 1) level = part ? low + (full - low) * part : full > low ? 0 : full;
  if (most !== null && level > most) level = most;
  if (share === 1) return level;
  return share <= 0 ? 0 : level > low ? low + (level - low) * share : level;
}

// Paths of one instrument, at the open moments: what is paid, and what buyers expect to be paid `ahead` years later.
function pathsOf(about, instrument, base, one) {
  const { times, ahead, shapes } = about, lines = instrument.bases[base], set = one ?? USUAL, corners = set.shape ? shapes[set.shape] : null;
  const part = (time) => (set.level === 100 || time < set.since ? 1 : set.level / 100);
  const now = times.map((time, i) => paidAt(lines.now, i, part(time), shareLeft(corners, set, time), instrument.most));
  if (!lines.ahead) return { now, ahead: null };
  const known = (time) => corners && time >= set.start - set.announced;
  return {
    now,
    ahead: times.map((time, i) => paidAt(lines.ahead, i, part(time + ahead), known(time) ? shareLeft(corners, set, time + ahead) : 1, instrument.most)),
  };
}

// What the model is run on: all open paths as points of curves, history before the first open moment.
function curvesOf(model, { base, instruments }) {
  const curves = {}, { policy } = model;
  for (const instrument of policy.instruments) {
    const paths = pathsOf(policy, instrument, base, instruments[instrument.name]);
    for (const [name, values] of [[instrument.variable, paths.now], [instrument.announced, paths.ahead]])
      if (values) {
        const { ys } = model.curves.find((one) => one.name === name);
        curves[name] = [...ys.slice(0, ys.length - values.length), ...values];
      }
  }
  return curves;
}

// All runs as one array (run, time, output), in the order of the draws; of `early`, parts of whole runs, the first `cut`
// times are taken.  Draws that are not there yet are not a number.
function whole(parts, times, outputs, charts, early = [], cut = 0) {
  const size = times * outputs, late = (times - cut) * outputs, all = new Float64Array(this.model.draws * size).fill(NaN);
  parts.forEach((part, piece) => {
    for (let run = 0; run * late < part.length; run++) {
      const to = (piece * this.piece + run) * size;
      if (cut) all.set(early[piece].subarray(run * size, run * size + cut * outputs), to);
      all.set(part.subarray(run * late, (run + 1) * late), to + cut * outputs);
    }
  });
  return all;
}

// One output of all runs, as a function of run and time.
function reader(model, runs) {
  const times = model.time.values.length, outputs = model.outputs.length, places = new Map(model.outputs.map((one, i) => [one.name, i]));
  return (name) => { const place = places.get(name); return (run, time) => runs[(run * times + time) * outputs + place]; };
}

const YEAR = 4;  // saved times
// A chart's numbers in one run: what is gained over a year, a level, or one of two over the other.
function valueOf(chart, of, run, time) {
  const value = (name) => { const at = of(name); return chart.gained ? at(run, time) - at(run, time - YEAR) : at(run, time); };
  const [first, second] = chart.of;
  return value(first) * chart.scale / (second ? value(second) : 1);
}

const quantile = (sorted, share) => {
  const between = share * (sorted.length - 1), low = Math.floor(between), high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (between - low) * (sorted[high] - sorted[low]);
};
const fan = (values) => { const sorted = Float64Array.from(values).sort(); return SHARES.map((share) => quantile(sorted, share)); };

// Quantiles of a chart over some draws, (share, time shown).
function band(model, chart, runs, draws) {
  const of = reader(model, runs), out = SHARES.map(() => []);
  for (const time of model.policy.shown) fan(draws.map((run) => valueOf(chart, of, run, time))).forEach((value, i) => out[i].push(value));
  return out;
}

// How far the share of the market falls below its own highest since a start, at the worst within so many years: a part.
function setback(model, of, run, first, last) {
  let highest = 0, lost = 0;
  for (let time = first; time <= last; time++) {
    const own = valueOf(model.policy.charts[0], of, run, time) || 0;
    highest = Math.max(highest, own);
    if (highest > 0) lost = Math.max(lost, 1 - own / highest);
  }
  return lost;
}

// The study's question: the share of the market some years after each start, over that of the same draw on the base.
function judged(model, { base, instruments }, runs, basis, draws) {
  const { policy } = model, { rule } = policy, share = policy.charts[0], [own, other] = [runs, basis].map((one) => reader(model, one));
  const starts = [...new Set(policy.instruments.map((one) => instruments[one.name]).filter((one) => one?.shape).map((one) => one.start))].sort((a, b) => a - b);
  const at = (year) => model.time.values.findIndex((time) => time >= year - 1e-9);
  const found = starts.map((start) => {
    const time = at(start + rule.years), ratio = draws.map((run) => valueOf(share, own, run, time) / valueOf(share, other, run, time));
    const fall = draws.map((run) => setback(model, own, run, at(start), time) - setback(model, other, run, at(start), time));
    const part = (some) => some.length / draws.length;
    return { start, year: start + rule.years, ratio, fall, fails: part(ratio.filter((one) => !(one >= rule.kept))), back: part(fall.filter((one) => one > rule.fall)) };
  });
  const saved = draws.map((run) => {
    let sum = 0;
    for (const [name, weights] of Object.entries(policy.weights)) {
      const [mine, theirs] = [own(name), other(name)];
      for (let time = 0; time < weights.length; time++) if (weights[time]) sum += weights[time] * (theirs(run, time) - mine(run, time));
    }
    return sum;
  });
  const end = at(policy.horizon), sold = draws.map((run) => own(policy.sold)(run, end) - other(policy.sold)(run, end));
  return { base, found, saved, sold, fails: found.length ? Math.max(...found.map((one) => one.fails)) : null };
}

// Whether a share of draws that fail is safe, or not, or nothing that so many draws can tell from the bound.
function verdictOf({ probability, doubt }, fails, draws) {
  const error = doubt / Math.sqrt(draws);
  return fails < probability - error ? "safe" : fails < probability + error ? "open" : "not safe";
}

// By when an end is over; nothing is judged that lasts to the end of the runs.
const overBy = ({ shapes }, one) => (one.shape ? one.start + (shapes[one.shape].length > 1 ? one.length : 0) : 0);

// The same setting with all ends from another start, which it has in common; null where it has none, or several.
function startingIn(setting, start) {
  const ends = Object.values(setting.instruments).filter((one) => one.shape);
  if (!ends.length || ends.some((one) => one.start !== ends[0].start)) return null;
  const moved = Object.entries(setting.instruments).map(([name, one]) => [name, one.shape ? { ...one, start } : one]);
  return { ...setting, instruments: Object.fromEntries(moved) };
}

// Instruments that end when nothing of them is left: the path is that of the setting without the end.
function idle(model, { base, instruments }) {
  return model.policy.instruments.filter(({ name }) => instruments[name]?.shape).filter((one) => {
    const own = instruments[one.name], [ended, kept] = [own, { ...own, shape: "" }].map((set) => pathsOf(model.policy, one, base, set));
    return ended.now.every((value, i) => value === kept.now[i]) && (ended.ahead ?? []).every((value, i) => value === kept.ahead[i]);
  }).map(({ name }) => name);
}

// In how many draws a payment above history would leave a buyer less than nothing to pay: there the command cuts it.
function overpaid(model, { base, instruments }, runs) {
  const { policy } = model, of = reader(model, runs), out = [];
  for (const instrument of policy.instruments.filter((one) => one.price)) {
    const paths = pathsOf(policy, instrument, base, instruments[instrument.name]), lines = instrument.bases[base].now;
    const on = policy.instruments.find((one) => one.variable === instrument.beside), top = on && pathsOf(policy, on, base, instruments[on.name]).now;
    let count = 0;
    for (let run = 0; run < model.draws; run++) {
      const price = of(instrument.price);
      if (model.time.values.some((time, i) => {
        const place = policy.places[i];
        if (place < 0 || !(paths.now[place] > instrument.past[place])) return false;
        return (paths.now[place] - (lines.low?.[place] ?? 0)) * (1 + (top ? top[place] : 0)) > price(run, i) * (1 + 1e-6);
      })) count++;
    }
    if (count) out.push([instrument.name, count]);
  }
  return out;
}

// Numbers that came packed, put where the description names them.
function filledIn(model, numbers) {
  const at = ([first, length]) => numbers.subarray(first, first + length), { policy } = model;
  const lines = (one) => one && { full: at(one.full), low: one.low && at(one.low) };
  policy.times = Array.from(at(policy.times));
  for (const curve of model.curves) Object.assign(curve, { ys: Array.from(at(curve.ys)), from: Array.from(at(curve.from)) });
  for (const name of Object.keys(policy.weights)) policy.weights[name] = at(policy.weights[name]);
  for (const one of policy.instruments) {
    one.past = at(one.past);
    for (const base of Object.keys(one.bases)) one.bases[base] = { now: lines(one.bases[base].now), ahead: lines(one.bases[base].ahead) };
  }
  return model;
}
