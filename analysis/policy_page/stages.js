// The long path: stages dated in every run, and how long each barrier held, by the rules of the commands (`date_stages` in
// analysis/draws/stages.py, `barriers` in analysis/mechanisms/barriers.py).

// The year in which a path reaches a level and stays for so many years, or to the end (`year_reached` in stockflow/over_time.py).
function reached(times, path, run, level, hold) {
  const stays = (end, time) => end === times.length || times[end] - times[time] >= hold;
  for (let time = 0; time < times.length; time++) {
    if (!(path(run, time) >= level)) continue;
    let end = time;
    while (!stays(end, time) && path(run, end) >= level) end++;
    if (!stays(end, time)) { time = end; continue; }
    if (!time) return times[0];
    const [low, high] = [path(run, time - 1), path(run, time)];
    return times[time - 1] + (level - low) / (high - low) * (times[time] - times[time - 1]);
  }
  return Infinity;
}

// What is to reach which level: one output, or a share of the market while cost is at its benchmark or below.
function towards({ of: names, level }, of) {
  const [first, cost, benchmark] = names.map(of);
  if (!cost) return { path: first, level };
  const gap = (run, time) => (benchmark(run, time) - cost(run, time)) / Math.abs(benchmark(run, time));
  return { path: (run, time) => Math.min(first(run, time) - level, gap(run, time)), level: 0 };
}

// Dates of every stage by draw, by name; infinite where none is reached by the horizon.
function datesOf(model, runs, draws) {
  const { policy } = model, times = model.time.values.slice(0, placeOf(model, policy.horizon) + 1), of = reader(model, runs);
  return Object.fromEntries(policy.path.stages.map((one) => {
    const { path, level } = towards(one, of);
    return [one.name, draws.map((run) => reached(times, path, run, level, one.hold))];
  }));
}

// Quantiles of years that may be never: between a year and never is nothing (`quantiles` in stockflow/intervals.py).
function spreadOf(years) {
  const known = years.filter((one) => !Number.isNaN(one)).sort((a, b) => a - b);
  if (!known.length) return SHARES.map(() => NaN);
  if (known.every(Number.isFinite)) return fan(known);
  return SHARES.map((share) => known[Math.max(Math.ceil(share * known.length) - 1, 0)]);
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
  const [own, base] = [runs, basis].map((one) => datesOf(model, one, draws)), early = (year) => year <= first;
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
