// From what is set to paths of instruments.  No law of support is here: what is paid of an instrument, and which share of
// it a shape leaves, are numbers and corners that the page was given.

const USUAL = { level: 100, since: 0, shape: "", when: "", start: 0, length: 0, announced: 0 };
const isUsual = (one) => !one || (one.level === 100 && !one.shape);
// Whether an end waits for the run itself, or begins in a given year.
const waits = (one) => Boolean(one?.shape && one.when), isDated = (one) => Boolean(one?.shape && !one.when);

// How an end falls: corners (part of its length, share just before, share from there on), by equal amounts or `ratios` between.
const shapeOf = ({ shapes, steps }, one) => (one.shape === "steps" ? steps[one.steps] : shapes[one.shape]);
const isSloped = (policy, one) => Boolean(one.shape) && shapeOf(policy, one).corners.length > 1;

// The share that is left at a time, from the start on not below what stays.
function shareLeft(shape, one, time) { return time < one.start ? 1 : Math.max(fallen(shape, one, time), (one.floor ?? 0) / 100); }

function fallen({ corners, ratios }, one, time) {
  const part = corners.length > 1 ? (time - one.start) / one.length : 0;
  let k = 0;
  while (k + 1 < corners.length && part >= corners[k + 1][0]) k++;
  const [at, , value] = corners[k], next = corners[k + 1];
  if (!next) return value;
  const along = (part - at) / (next[0] - at);
  return ratios ? value * (next[1] / value) ** along : value + along * (next[1] - value);
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

// Whether buyers know at a time of an end.
const knownAt = (one, time) => Boolean(one.shape) && time >= one.start - one.announced;

// A world of one's own is named by what drivers end at, percent of what is expected, one for each of the worlds that can be
// had in part: "own 80 300 100".
const OWN = "own", scaledOf = ({ worlds }) => worlds.filter(({ ends }) => ends !== null);
function partsOf(policy, world) {
  const [head, ...parts] = world.split(" ");
  if (head === OWN && parts.length === scaledOf(policy).length) return parts.map(Number);
  return scaledOf(policy).map(({ name, ends }) => (name === world ? Math.round(100 * ends) : 100));
}

// The world of which drivers end so: one of the study where they end as there.
function worldNamed(policy, parts) {
  const moved = scaledOf(policy).filter((_, i) => parts[i] !== 100), [first, ...others] = moved;
  if (!first) return policy.worlds[0].name;
  const same = !others.length && partsOf(policy, first.name).every((part, i) => part === parts[i]);
  return same ? first.name : [OWN, ...parts].join(" ");
}

// A world by its name; what goes another way than expected does so to the same part at all times.
function worldOf(model, world) {
  const { policy } = model, known = policy.worlds.find(({ name }) => name === world);
  if (known) return known;
  const parts = partsOf(policy, world), drivers = {}, moved = scaledOf(policy).filter((_, i) => parts[i] !== 100);
  scaledOf(policy).forEach(({ drivers: own, ends }, i) => {
    const by = (parts[i] / 100 - 1) / (ends - 1);
    for (const [name, values] of Object.entries(own)) {
      const usual = model.curves.find((one) => one.name === name).ys.slice(-values.length);
      drivers[name] = values.map((value, k) => usual[k] + by * (value - usual[k]));
    }
  });
  return { name: world, departs: Math.min(...moved.map(({ departs }) => departs)), drivers };
}

const paidOf = (instrument, { base, world }) => (instrument.paid[world] ?? Object.values(instrument.paid)[0])[base];

// Paths of one instrument on a base in a world, at the open moments: what is paid, and what buyers expect to be paid `ahead`
// years later.  Those of an instrument that nothing is set of are found once.
function pathsOf(about, instrument, where, one) {
  const lines = paidOf(instrument, where);
  return isUsual(one) ? (lines.usual ??= pathsSet(about, instrument, lines, USUAL)) : pathsSet(about, instrument, lines, one);
}

function pathsSet(about, instrument, lines, set) {
  const { times, ahead } = about, shape = set.shape ? shapeOf(about, set) : null, { most } = instrument;
  const leftAt = (time) => (shape ? shareLeft(shape, set, time) : 1);
  const part = (time) => (set.level === 100 || time < set.since ? 1 : set.level / 100);
  const now = times.map((time, i) => paidAt(lines.now, i, part(time), leftAt(time), most));
  if (!lines.ahead) return { now, ahead: null };
  const left = (time) => (knownAt(set, time) ? leftAt(time + ahead) : 1);
  return { now, ahead: times.map((time, i) => paidAt(lines.ahead, i, part(time + ahead), left(time), most)) };
}

// The paths of an instrument by draw, with what is set there: an end that waits begins `announced` years after its date, which
// is another one in each draw; without `dates` it has not begun.
function eachOf(policy, instrument, where, set, dates) {
  const known = new Map();
  return (run) => {
    const start = waits(set) ? (dates ? dates[run] + set.announced : Infinity) : 0;
    if (!known.has(start)) {
      const own = waits(set) ? { ...set, start } : set;
      known.set(start, { set: own ?? USUAL, ...pathsOf(policy, instrument, where, own) });
    }
    return known.get(start);
  };
}

// What the model is run on: all open paths as points of curves, history before the first open moment.  Payments that are
// `bound` by a price are cut, and ends begin at `dates` that they wait for, by name, draw by draw.
function curvesOf(model, { base, world, instruments }, bound = [], dates = {}) {
  const curves = {}, { policy } = model, headOf = (name, values) => {
    const { ys } = model.curves.find((one) => one.name === name);
    return ys.slice(0, ys.length - values.length);
  };
  for (const [name, values] of Object.entries(worldOf(model, world).drivers)) curves[name] = [...headOf(name, values), ...values];
  for (const instrument of policy.instruments) {
    const { name: own } = instrument, each = eachOf(policy, instrument, { base, world }, instruments[own], dates[own]), paths = each(0);
    const cut = bound.find((one) => one.instrument === instrument), many = cut || dates[own];
    for (const [name, part] of [[instrument.variable, "now"], [instrument.announced, "ahead"]])
      if (paths[part]) {
        const head = headOf(name, paths[part]);
        curves[name] = many ? { head, own: (run) => (cut ? cut[part](run) : each(run)[part]) } : [...head, ...paths[part]];
      }
  }
  return curves;
}

// By when an end of a given year is over; nothing is judged that lasts to the end of the runs.
const overBy = (policy, one) => (isDated(one) ? one.start + (isSloped(policy, one) ? one.length : 0) : 0);

// The same setting with all ends of a given year from another one, which they have in common; null where there is none, or
// several.
function startingIn(setting, start) {
  const ends = Object.values(setting.instruments).filter(isDated);
  if (!ends.length || ends.some((one) => one.start !== ends[0].start)) return null;
  const moved = Object.entries(setting.instruments).map(([name, one]) => [name, isDated(one) ? { ...one, start } : one]);
  return { ...setting, instruments: Object.fromEntries(moved) };
}

// Instruments that end when nothing of them is left: the path is that of the setting without the end.
function idle(model, { base, world, instruments }) {
  return model.policy.instruments.filter(({ name }) => instruments[name]?.shape).filter((one) => {
    const own = instruments[one.name], [ended, kept] = [own, { ...own, shape: "" }].map((set) => pathsOf(model.policy, one, { base, world }, set));
    return ended.now.every((value, i) => value === kept.now[i]) && (ended.ahead ?? []).every((value, i) => value === kept.ahead[i]);
  }).map(({ name }) => name);
}

// Instruments of which more is asked for than there can be.
function clipped(model, { base, world, instruments }) {
  return model.policy.instruments.filter((one) => {
    const set = instruments[one.name];
    if (one.most === null || !(set?.level > 100)) return false;
    const [own, free] = [one, { ...one, most: null }].map((of) => pathsOf(model.policy, of, { base, world }, set).now);
    return own.some((value, i) => value < free[i]);
  }).map(({ name }) => name);
}

// The same setting without any end, with all its levels.
function withoutEnds({ base, world, instruments }) {
  const kept = Object.entries(instruments).filter(([, one]) => one.level !== 100).map(([name, one]) => [name, { ...one, shape: "" }]);
  return { base, world, instruments: Object.fromEntries(kept) };
}

// Numbers that came packed, put where the description names them.
function filledIn(model, numbers) {
  const at = ([first, length]) => numbers.subarray(first, first + length), { policy } = model;
  const lines = (one) => one && { full: at(one.full), low: one.low && at(one.low) };
  policy.times = Array.from(at(policy.times));
  for (const curve of model.curves) Object.assign(curve, { ys: Array.from(at(curve.ys)), from: Array.from(at(curve.from)) });
  for (const { drivers } of policy.worlds) for (const name of Object.keys(drivers)) drivers[name] = at(drivers[name]);
  for (const name of Object.keys(policy.weights)) policy.weights[name] = at(policy.weights[name]);
  for (const one of policy.instruments) {
    one.past = at(one.past);
    for (const base of Object.values(one.paid).flatMap(Object.values)) Object.assign(base, { now: lines(base.now), ahead: lines(base.ahead) });
  }
  return model;
}
