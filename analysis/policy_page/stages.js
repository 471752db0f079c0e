// The long path: stages dated in every run, and how long each barrier held, by the rules of the commands (`date_stages` in
// analysis/draws/stages.py, `barriers` in analysis/mechanisms/barriers.py).

// The years in which paths, (time, draw), `early` up to the `same`th time and `late` from it, reach a level and stay for so
// many years, or to the end (`year_reached` in stockflow/over_time.py).
function reached(times, early, same, late, draws, level, hold) {
  const since = new Int32Array(draws).fill(-1), stays = new Uint8Array(draws);
  for (let time = 0, left = draws; left && time < times.length; time++) {
    const paths = time < same ? early : late, first = (time < same ? time : time - same) * draws;
    for (let draw = 0; draw < draws; draw++) {
      if (stays[draw]) continue;
      if (since[draw] >= 0 && times[time] - times[since[draw]] >= hold) { stays[draw] = 1; left--; }
      else if (!(paths[first + draw] >= level)) since[draw] = -1;
      else if (since[draw] < 0) since[draw] = time;
    }
  }
  return Array.from(since, (time, draw) => {
    if (time <= 0) return time ? Infinity : times[0];
    const [low, high] = [time - 1, time].map((one) => (one < same ? early[one * draws + draw] : late[(one - same) * draws + draw]));
    return times[time - 1] + (level - low) / (high - low) * (times[time] - times[time - 1]);
  });
}

// What is to reach which level: one output, or a share of the market while cost is at its benchmark or below.
function towards({ of: names, level }, paths) {
  const [first, cost, benchmark] = names.map((name) => paths[name]);
  if (!cost) return { path: first, level };
  return { path: first.map((share, k) => Math.min(share - level, (benchmark[k] - cost[k]) / Math.abs(benchmark[k]))), level: 0 };
}

// What reaches which level, by stage, at some of the saved times.
function pathsTo(model, runs, draws, times) {
  const { stages } = model.policy.path, names = new Set(stages.flatMap(({ of }) => of));
  const own = (name) => outputOf(model, name, runs, times, draws);
  const paths = Object.fromEntries([...names].map((name) => [name, own(name)]));
  return stages.map((one) => towards(one, paths));
}

// Dates of every stage by draw, by name; infinite where none is reached by the horizon.  What the runs have from those of
// `basis` is not looked up again.
function datesOf(model, runs, draws, basis) {
  const { horizon, path: { stages } } = model.policy, times = model.time.values.slice(0, placeOf(model, horizon) + 1), all = [...times.keys()];
  const known = once(basis, draws, "paths", () => pathsTo(model, basis, draws, all)), same = runs.early === basis.parts ? Math.min(runs.cut, all.length) : 0;
  const found = runs === basis ? known : pathsTo(model, runs, draws, all.slice(same));
  return Object.fromEntries(stages.map(({ name, hold }, i) => {
    const { path, level } = found[i];
    return [name, reached(times, known[i].path, same, path, draws.length, level, hold)];
  }));
}

// Quantiles of years that may be never: between a year and never is nothing (`quantiles` in stockflow/intervals.py).
function spreadOf(years) {
  const known = Float64Array.from(years.filter((one) => !Number.isNaN(one))).sort(), count = known.length;
  if (!count) return SHARES.map(() => NaN);
  if ([known[0], known[count - 1]].every(Number.isFinite)) return SHARES.map((share) => quantile(known, share));
  return SHARES.map((share) => known[Math.max(Math.ceil(share * count) - 1, 0)]);
}

// Years on both paths and what lies between them; `never` are draws in which it is infinite.
function compared(own, base) {
  const never = (years) => years.filter((year) => year === Infinity).length / years.length;
  const lost = spreadOf(own.map((year, k) => year - base[k]));
  return { own: spreadOf(own), base: spreadOf(base), lost, never: never(own), neverBase: never(base) };
}

// Stages, waits at barriers and years from each clock to a large share of the market.  What was there when the runs begin
// has no date: `already`; a wait that begins with such a stage is `least` so long, and one that ends with it is none.
function pathOf(model, runs, basis, draws) {
  const { stages, barriers, clocks, window: [low, high], large } = model.policy.path, [first] = model.time.values;
  const base = once(basis, draws, "dates", () => datesOf(model, basis, draws, basis)), own = runs === basis ? base : datesOf(model, runs, draws, basis), early = (year) => year <= first;
  const wait = (dates, { begins, ends }) => dates[ends].map((end, k) => end - (begins ? dates[begins][k] : clocks[0]));
  return {
    stages: stages.map(({ name }) => ({ ...compared(own[name], base[name]), already: own[name].some(early) })),
    waits: barriers.map((one) => ({
      ...compared(wait(own, one), wait(base, one)), before: own[one.ends].every(early),
      least: Boolean(one.begins) && own[one.begins].some(early),
    })),
    clocks: clocks.map((year) => {
      const years = own[large].map((date) => date - year), inside = years.filter((one) => one >= low && one <= high);
      return { year, years: spreadOf(years), inside: inside.length / years.length };
    }),
  };
}
