// No buyer is paid more than the price.  As in the commands (`applied` in models/schedules/run.py): what may lie above
// history is bounded by the price of the run of history, then by that of the run itself, until nothing is above it.

// Values on the grid at a place that may lie between two of its points, or beyond its end.
function readAt(values, place, first, count) {
  const at = Math.min(place, count - 1), low = Math.floor(at), share = at - low, value = values[first + low];
  return share ? value + share * (values[first + low + 1] - value) : value;
}

// The lowest price of all draws at every saved time; what is not a number is none.
function lowestOf(model, name, runs) {
  const { draws, policy } = model, all = [...Array(draws).keys()], prices = outputOf(model, name, runs, policy.places.keys(), all);
  const least = new Float64Array(policy.places.length).fill(Infinity);
  for (let time = 0, at = 0; time < least.length; time++)
    for (let k = 0; k < draws; k++, at++) if (policy.places[time] >= 0 && prices[at] < least[time]) least[time] = prices[at];
  return least;
}

// A payment that may exceed the price in a setting, with the bounds of all draws, (run, place), once there are some.
class Payment {
  constructor(model, instrument, beside, where, instruments) {
    const { policy, draws } = model, paid = (one, dates) => one && eachOf(policy, one, where, instruments[one.name], dates[one.name]);
    Object.assign(this, { policy, draws, instrument, beside, count: policy.times.length, limit: null });
    this.given = givenIn(where, instruments, instrument);
    this.over = paidOf(instrument, where).now.low ?? new Float64Array(this.count);
    // from which dates on ends that wait begin
    this.since = (dates) => Object.assign(this, { own: paid(instrument, dates), top: paid(beside, dates), known: new Map(), paid: null });
    this.since({});
  }

  // What a yuan of it is in a draw with what is paid on top, and what is usual with that.
  onTop(run) {
    const { policy, instrument, beside, known } = this, top = this.top?.(run).now;
    if (!known.has(top)) {
      const each = Float64Array.from(policy.times, (_, i) => 1 + (top ? top[i] : 0));
      known.set(top, { each, usual: Float64Array.from(instrument.past, (value, i) => value * (beside ? 1 + beside.past[i] : 1) / each[i]) });
    }
    return known.get(top);
  }

  // What is paid within the bounds, (run, place).
  within() {
    const { limit, count, draws } = this;
    if (this.paid) return this.paid;
    this.paid = new Float64Array(draws * count);
    for (let run = 0, k = 0; run < draws; run++) {
      const { now } = this.own(run), { usual } = this.onTop(run);
      for (let i = 0; i < count; i++, k++) this.paid[k] = Math.min(now[i], Math.max(limit[k], usual[i]));
    }
    return this.paid;
  }

  now(run) { return this.within().subarray(run * this.count, (run + 1) * this.count); }

  // What buyers expect is bound where it is an amount of its own, or an end that they know of.
  ahead(run) {
    const { limit, count, policy } = this, further = policy.ahead / (policy.times[1] - policy.times[0]), { usual } = this.onTop(run), { set, ahead } = this.own(run);
    return ahead.map((value, i) => {
      if (!this.given && !knownAt(set, policy.times[i])) return value;
      return Math.min(value, Math.max(readAt(limit, i + further, run * count, count), readAt(usual, i + further, 0, count)));
    });
  }

  // Whether it comes so near to the price at a saved time, as long as no end that waits has begun, that it could be above it in
  // between.
  near(model, runs) {
    const { policy, over } = this, paths = this.own(0), { usual, each } = this.onTop(0), times = policy.places.length;
    const { price } = this.instrument, least = ((runs.lowest ??= {})[price] ??= lowestOf(model, price, runs));
    return policy.places.some((first, time) => {
      const last = time + 1 < times ? policy.places[time + 1] : first, low = Math.min(least[time], least[time + 1] ?? Infinity);
      for (let place = first; first >= 0 && place <= last; place++)
        if (paths.now[place] > usual[place] && paths.now[place] > policy.price.near * (low / each[place] + over[place])) return true;
      return false;
    });
  }

  // What may be paid at most at some prices, (run, place), in their place.
  most(prices) {
    const { count, draws, over } = this;
    for (let run = 0, k = 0; run < draws; run++)
      for (let i = 0, { each } = this.onTop(run); i < count; i++, k++) prices[k] = prices[k] / each[i] + over[i];
    return prices;
  }

  // The bounds that some are, and those that it had.
  bind(most) {
    const { limit } = this;
    Object.assign(this, { limit: limit ? most.map((value, k) => Math.min(value, limit[k])) : most, paid: null });
  }

  overpaid(most) {
    const { count, draws } = this, paid = this.within(), more = 1 + this.policy.price.cent;
    for (let run = 0, k = 0; run < draws; run++)
      for (let i = 0, { usual } = this.onTop(run); i < count; i++, k++) if (paid[k] > Math.max(most[k], usual[i]) * more) return true;
    return false;
  }

  // The draws in which it is cut at some time.
  cutIn() {
    return [...Array(this.draws).keys()].filter((run) => this.now(run).some((value, i) => this.own(run).now[i] - value > this.policy.price.cent));
  }
}

// Whether an instrument has an amount of its own, where it else follows history.
const givenIn = (where, instruments, one) => paidOf(one, where).amount || (instruments[one.name]?.level ?? 100) !== 100;

function paymentsOf(model, { base, world, instruments }) {
  const { policy } = model, where = { base, world }, kept = (one) => pathsOf(policy, one, where, { ...USUAL, ...instruments[one.name], shape: "" }).now;
  const above = (one) => Boolean(one) && givenIn(where, instruments, one) && kept(one).some((value, i) => value > one.past[i]);
  return policy.instruments.filter((one) => one.price).flatMap((one) => {
    const beside = policy.instruments.find((other) => other.variable === one.beside);
    return above(one) || above(beside) ? [new Payment(model, one, beside, where, instruments)] : [];
  });
}

// Prices of all draws at the open moments, (run, place), of what was saved at every step.
function pricesOf(model, { each, from }, outputs, name) {
  const { steps } = model.code, count = model.policy.times.length, span = steps - from, place = outputs.indexOf(name);
  const out = new Float64Array(model.draws * count);
  let run = 0;
  for (const part of each)
    for (let own = 0; own * span * outputs.length < part.length; own++, run++)
      for (let i = 0; i < count; i++) out[run * count + i] = part[(own * span + steps - count + i - from) * outputs.length + place];
  return out;
}

// The runs of a setting as { runs, dates: of ends that wait, cut: [instrument, in which draws] }.  `ask(curves, every)` gives
// runs of all draws, or those with what is `every` step's, or null where the setting is no longer asked for; `past` are the
// runs of history.
async function priced(model, setting, ask, past) {
  const payments = paymentsOf(model, setting), before = payments.length ? await past() : null, near = (runs) => payments.some((one) => one.near(model, runs));
  if (payments.length && !before) return null;
  if (!before || !near(before)) {
    const free = await begun(model, setting, (dates) => ask(curvesOf(model, setting, [], dates)));
    if (!free || !before || !near(free.runs)) return free && { ...free, cut: [] };
  }
  const { policy } = model, names = [...new Set(policy.instruments.map(({ price }) => price).filter(Boolean))];
  const places = names.map((name) => model.outputs.findIndex((one) => one.name === name));
  const every = { places, from: model.code.steps - policy.times.length };
  before.prices ??= await ask(curvesOf(model, { base: "history", world: setting.world, instruments: {} }), every);
  const bound = (dates, more) => {
    for (const one of payments) one.since(dates);
    return ask(curvesOf(model, setting, payments, dates), more);
  };
  let now = before.prices, over = payments;
  const found = new Map(), look = () => payments.forEach((one) => found.set(one, one.most(pricesOf(model, now, names, one.instrument.price))));
  if (now) look();
  for (let pass = 0; now && pass < policy.price.passes; pass++) {
    for (const one of over) one.bind(found.get(one));
    const made = await begun(model, setting, bound, every);
    if (!made) return null;
    now = made.runs;
    look();
    over = payments.filter((one) => one.overpaid(found.get(one)));
    const cut = () => payments.map((one) => [one.instrument.name, one.cutIn()]).filter(([, some]) => some.length);
    if (!over.length) return { runs: now.whole, dates: made.dates, cut: cut() };
  }
  if (now) throw new Error(`still above the price after ${policy.price.passes} passes`);
  return null;
}
