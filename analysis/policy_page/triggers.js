// Ends that wait for the run itself: `Trigger` in models/schedules/change.py, `_triggered` in models/schedules/run.py.

const triggerOf = ({ triggers }, { when }) => triggers.find(({ name }) => name === when);

// What is looked at, (time, draw): a share of the market over the last four quarters, a cost over its benchmark, or a volume.
function seenOf(model, { name, of }, runs, draws) {
  const [first, second] = of.map((one) => outputOf(model, one, runs, model.time.values.keys(), draws)), count = draws.length;
  if (name === "cumulative volume") return first;
  if (name === "cost parity ratio") return first.map((value, k) => value / second[k]);
  const total = new Float64Array(first.length), back = YEAR * count;
  for (let k = count; k < total.length; k++) total[k] = total[k - count] + (second[k] + second[k - count]) / 2 / YEAR;
  return first.map((value, k) => (k < back ? NaN : (value - first[k - back]) / (total[k] - total[k - back])));
}

// The first saved times from `start` on at which what an end waits for is there, by draw; infinite where it never is.
function firstOf(model, one, runs, draws) {
  const trigger = triggerOf(model.policy, one), seen = seenOf(model, trigger, runs, draws), level = one[trigger.field] / trigger.per;
  const holds = trigger.name === "cost parity ratio" ? (value) => value <= level : (value) => value >= level;
  return draws.map((_, k) => model.time.values.find((time, i) => time >= one.start && holds(seen[i * draws.length + k])) ?? Infinity);
}

// The runs of a setting, and when what its ends wait for is there, by name and draw.  Up to then a run is that without the end:
// the earliest of several dates in each draw is fixed, and the draws are run again.  `run(dates, more)` gives runs, or null.
async function begun(model, { instruments }, run, more) {
  const waiting = Object.entries(instruments).filter(([, one]) => waits(one)), draws = [...Array(model.draws).keys()];
  const dates = Object.fromEntries(waiting.map(([name]) => [name, draws.map(() => Infinity)]));
  for (let left = waiting.length > 0, pass = 0; left && pass < waiting.length; pass++) {
    const runs = await run(dates);
    if (!runs) return null;
    const seen = waiting.map(([name, one]) => firstOf(model, one, runs, draws).map((date, k) => (dates[name][k] < Infinity ? Infinity : date)));
    const earliest = draws.map((k) => Math.min(...seen.map((some) => some[k])));
    waiting.forEach(([name], i) => { dates[name] = dates[name].map((date, k) => (seen[i][k] === earliest[k] ? Math.min(date, earliest[k]) : date)); });
    left = draws.some((k) => earliest[k] < Infinity && waiting.some(([name]) => dates[name][k] === Infinity));
  }
  const runs = await run(dates, more);
  return runs && { runs, dates };
}

// In which years ends that wait begin, by name: `announced` years after what they wait for; infinite where not by the horizon.
function beganIn({ policy: { horizon } }, { instruments }, dates, draws) {
  const within = (year) => (year <= horizon ? year : Infinity);
  return Object.entries(dates).map(([name, all]) => ({ name, years: draws.map((run) => within(all[run] + instruments[name].announced)) }));
}
