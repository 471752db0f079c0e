"use strict";
// How the module is run, and what is said of many runs.  No equation of any model is here.

// All that a worker needs, in one function whose own text can start one.
function runner() {
  // Returns run(rows, points, first, runs, stop, held, every, own, spare) of runs numbered from `first`: rows (run, input),
  // points of all curves, (point,), and of `own` [{ first, count, values }] those from the place `first` on that each run has
  // of its own, (run, point); `points` that are null are those of the call before.  It begins with the states `held` at a
  // stop, of which there are `code.stops`, and gives { out: (output, time, run) from there on }, in the buffer `spare` of
  // earlier such runs where there is one; or, without a stop, at the start and gives { held }, too: the states at every stop.
  // Of the outputs at the places `every` it gives { each: (run, step, output) }.
  async function open(code, bytes, table, saved, outputs, most) {
    const memory = new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(code.data / 65536)) }), { width, columns } = code;
    const { instance } = await WebAssembly.instantiate(bytes, { env: { __linear_memory: memory } });
    const kept = saved.reduce((sum, one) => sum + one, 0), filled = Math.ceil(most / width) * width;
    let free = code.data;
    const room = (size) => { const at = Math.ceil(free / 64) * 64; free = at + size; return at; };
    const places = [filled * columns * 8, filled * kept * outputs * 8, table.byteLength, saved.length,
      code.workspace * width * 8, filled * 8, filled * code.held * 8].map(room);
    memory.grow(Math.max(0, Math.ceil(free / 65536) - memory.buffer.byteLength / 65536));
    const doubles = new Float64Array(memory.buffer), longs = new BigInt64Array(memory.buffer);
    const [values, out, drivers, marks, work, numbers, states] = places, curves = work / 8 + (code.workspace - code.points) * width;
    doubles.set(table, drivers / 8);
    const among = new Int32Array(saved.length + 1), all = saved.map(() => 1);  // how many are saved before a step
    saved.forEach((one, step) => { among[step + 1] = among[step] + one; });
    // points stand side by side for the runs of a vector, once for all vectors but what each run has of its own
    const lay = (first, count, values, from) => {
      for (let lane = 0; lane < width; lane++)
        for (let point = 0, own = from(lane) * count, at = curves + first * width + lane; point < count; point++, at += width) doubles[at] = values[own + point];
    };
    return (rows, points, first, runs, stop = -1, given = null, every = null, own = [], spare = null) => {
      const blocks = Math.ceil(runs / width), last = (run) => Math.min(run, runs - 1);
      for (let run = 0; run < blocks * width; run++) {  // the last vector is filled up with the last run
        doubles.set(rows.subarray(last(run) * columns, (last(run) + 1) * columns), values / 8 + run * columns);
        longs[numbers / 8 + run] = BigInt(first + last(run));
      }
      const begin = code.stops[stop] ?? 0, size = blocks * width * code.held, rest = kept - among[begin], span = code.steps - begin;
      const whole = given ? most * kept : runs * rest, late = new Float64Array(spare ?? new ArrayBuffer(8 * whole * outputs), 0, runs * rest * outputs);
      const each = every && new Float64Array(runs * span * every.length);
      const held = given ? [] : code.stops.map(() => new Float64Array(size));
      // what stands in the rows of some runs, to be kept: of steps that are all saved, no more at a time than there is room
      const take = (run, until, from, to) => {
        for (let step = from; step < to; step++) {
          const row = out / 8 + (every ? step - from : among[step]) * outputs;
          for (let one = run; every && one < until; one++)
            for (let k = 0; k < every.length; k++)
              each[(one * span + step - begin) * every.length + k] = doubles[row + one * kept * outputs + every[k]];
          const first = (among[step] - among[begin]) * runs, wide = rest * runs, far = kept * outputs;
          for (let one = run, at = row + run * far; saved[step] && one < until; one++, at += far)
            for (let output = 0, to = first + one; output < outputs; output++, to += wide) late[to] = doubles[at + output];
        }
      };
      new Uint8Array(memory.buffer, marks, saved.length).set(every ? all : saved);
      if (given) doubles.set(given, states / 8);
      const step = own.length ? 1 : blocks;
      if (points) lay(0, code.points, points, () => 0);  // else those of the call before
      for (let block = 0; block < blocks; block += step) {
        for (const one of own) lay(one.first, one.count, one.values, (lane) => last(block * width + lane));
        const run = block * width, state = states / 8 + run * code.held, until = Math.min((block + step) * width, runs);
        const [rows, wide, which, memories] = [values + run * columns * 8, out + run * kept * outputs * 8, numbers + run * 8, state * 8];
        let from = begin;
        for (const [k, end] of [...(given ? [] : code.stops), code.steps].entries())
          while (from < end) {
            const to = every ? Math.min(end, from + kept) : end, skipped = every ? 0 : among[from] * outputs * 8;
            instance.exports.simulate(rows, wide + skipped, drivers, marks, work, which, 0n, BigInt(step), BigInt(from), BigInt(to), memories);
            if (to === end && to < code.steps) held[k].set(doubles.subarray(state, state + step * width * code.held), run * code.held);
            if (every) take(run, until, from, to);
            from = to;
          }
        if (!every) take(run, until, begin, code.steps);
      }
      return { out: late, held, each };
    };
  }
  if (typeof document === "undefined" && typeof self !== "undefined" && self.postMessage) {
    let run = null;
    self.onmessage = async ({ data }) => {
      try {
        if (data.open) { run = await open(...data.open); self.postMessage({ ready: true }); return; }
        const made = run(...data.run);
        self.postMessage({ made }, [made.out, ...made.held, ...(made.each ? [made.each] : [])].map((one) => one.buffer));
      } catch (error) { self.postMessage({ error: String(error.message) }); }  // else nobody would ever hear of it
    };
  }
  return open;
}

async function unpacked(text) {
  const packed = Uint8Array.from(atob(text.trim()), (one) => one.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Numbers, (row, column), of bytes that stand by column, and in it all first bytes first.
function ordered(bytes, rows, columns, Kind) {
  const size = Kind.BYTES_PER_ELEMENT, out = new Uint8Array(rows * columns * size);
  for (let column = 0; column < columns; column++)
    for (let place = 0; place < size; place++) {
      const from = (column * size + place) * rows;
      for (let row = 0; row < rows; row++) out[(row * columns + column) * size + place] = bytes[from + row];
    }
  return new Kind(out.buffer);
}

// Doubles, (row, column), of what their bits differ by from a straight line through the two rows before (`straightened` in
// page.py), in their place.
function restored(values, columns) {
  const bits = new BigInt64Array(values.buffer), line = new Float64Array(1), its = new BigInt64Array(line.buffer);
  for (let at = 0; at < values.length; at++) {
    const far = BigInt.asUintN(64, bits[at]), before = at < columns ? 0 : values[at - columns];
    const ahead = at < 2 * columns ? before : before + (before - values[at - 2 * columns]);
    line[0] = Number.isFinite(ahead) ? ahead : 0;
    bits[at] = its[0] + ((far >> 1n) ^ -(far & 1n));
  }
  return values;
}

// What a page brings along, packed, each block a `text` by its name; a browser without vectors takes the module without.
// An error where it refuses both.
async function opened(model, text) {
  const { code } = model, [steps, series] = code.shape, whole = await unpacked(text("module")), able = WebAssembly.validate(whole);
  if (!able) Object.assign(code, code.alone);
  const bytes = able ? whole : await unpacked(text("alone"));
  if (!able && !WebAssembly.validate(bytes)) throw new Error("this browser's WebAssembly refuses it");
  const rest = await unpacked(text("table-bytes")), drawn = await unpacked(text("draws"));
  const split = steps * series * 8;
  return {
    bytes,
    table: restored(ordered(rest.subarray(0, split), steps, series, Float64Array), series),
    saved: rest.slice(split),
    draws: ordered(drawn, model.draws, model.samples.length, Float32Array),
  };
}

// Inputs of all runs for a setting, (run, input): as set, or else as drawn, or else as in the file.
function rowsOf(model, draws, setting) {
  const runs = Math.max(1, model.draws), { inputs } = model, rows = new Float64Array(runs * inputs.length);
  inputs.forEach((one, column) => {
    const place = model.samples.indexOf(one.name), set = setting.values[one.name];
    for (let run = 0; run < runs; run++)
      rows[run * inputs.length + column] = set ?? (place < 0 ? one.value : draws[run * model.samples.length + place]);
  });
  return rows;
}

// Points of all curves, (point,), and those that each run has of its own: of curves that are { head, own(run) }, all behind
// those of `head`, `own` of runs from one to another.
function pointsOf(model, { curves }) {
  const shared = new Float64Array(model.code.points), parts = [];
  let at = 0;
  for (const one of model.curves) {
    const set = curves[one.name] ?? one.ys, first = at + (set.head?.length ?? 0);
    shared.set(set.head ?? set, at);
    at += one.ys.length;
    if (!set.own) continue;
    const count = at - first, values = (from, to) => {
      const out = new Float64Array((to - from) * count);
      for (let run = from; run < to; run++) out.set(set.own(run), (run - from) * count);
      return out;
    };
    parts.push({ first, count, values });
  }
  return { shared, own: (from, to) => parts.map((one) => ({ ...one, values: one.values(from, to) })) };
}

const totalOf = (model) => model.outputs.length + model.beside.length;
const SHARES = [0.05, 0.25, 0.5, 0.75, 0.95];

// Sorts values that are nearly in order, and what stands beside them; others at the usual cost.
function sort(values, beside) {
  let left = 12 * values.length;
  for (let i = 1; i < values.length; i++) {
    const value = values[i], own = beside[i];
    let j = i;
    for (; j > 0 && values[j - 1] > value; j--) { values[j] = values[j - 1]; beside[j] = beside[j - 1]; }
    values[j] = value;
    beside[j] = own;
    left -= i - j;
    if (left >= 0) continue;
    const order = Uint32Array.from(values.keys()).sort((one, other) => values[one] - values[other]), [all, places] = [values.slice(), beside.slice()];
    order.forEach((place, k) => { values[k] = all[place]; beside[k] = places[place]; });
    return;
  }
}

// All runs where they are, in parts (output, time, run), the first `cut` times in those of an earlier setting: nothing is
// copied.
class Whole {
  constructor(parts, times, outputs, early = null, cut = 0) {
    const sizes = parts.map((part, i) => (cut ? early[i] : part).length / (times * outputs));
    Object.assign(this, { parts, sizes, times, outputs, early, cut, runs: sizes.reduce((sum, one) => sum + one, 0) });
    [this.piece, this.own, this.size] = [0, 1, 2].map(() => new Uint32Array(this.runs));
    let first = 0;
    parts.forEach((_, i) => { for (let own = 0; own < sizes[i]; own++, first++) [this.piece[first], this.own[first], this.size[first]] = [i, own, sizes[i]]; });
  }

  at(run, time, place) {
    const { cut, times } = this, piece = this.piece[run], size = this.size[run], own = this.own[run];
    return time < cut ? this.early[piece][(place * times + time) * size + own] : this.parts[piece][(place * (times - cut) + time - cut) * size + own];
  }

  // One output of all runs at some times, (time, run).
  rows(place, some) {
    const { parts, sizes, times, early, cut, runs } = this, out = new Float64Array(some.length * runs);
    for (let part = 0, first = 0; part < parts.length; first += sizes[part++])
      for (let k = 0, size = sizes[part]; k < some.length; k++) {
        const time = some[k], whole = time < cut, from = whole ? early[part] : parts[part];
        const row = (whole ? place * times + time : place * (times - cut) + time - cut) * size;
        for (let own = 0, to = k * runs + first; own < size; own++) out[to + own] = from[row + own];
      }
    return out;
  }

  // One output of some runs at a time, put into `out` from `first` on.
  put(place, time, runs, out, first = 0) {
    const { cut, times, piece, size, own } = this, early = time < cut, from = early ? this.early : this.parts;
    const row = early ? place * times + time : place * (times - cut) + time - cut;
    for (let k = 0; k < runs.length; k++) { const run = runs[k]; out[first + k] = from[piece[run]][row * size[run] + own[run]]; }
    return out;
  }
}

// Quantiles of runs, by chart and share (time,): definition 7 of Hyndman and Fan, as the engine has it.  Of several runs
// those are left out whose charts are not finite throughout, all are counted; the median of any output at any time is
// found on demand, of the runs that have a number there.
function quantiles(all, charts) {
  const { times, runs } = all, sound = new Uint8Array(runs).fill(1), every = Uint32Array.from(sound.keys()), one = new Float64Array(runs);
  for (let output = 0; output < charts; output++)
    for (let time = 0; time < times; time++) {
      all.put(output, time, every, one);
      for (let run = 0; run < runs; run++) if (!Number.isFinite(one[run])) sound[run] = 0;
    }
  const whole = every.filter((run) => sound[run]), finite = runs > 1 ? whole : every, n = finite.length, values = one.subarray(0, n);
  const found = Array.from({ length: charts }, () => SHARES.map(() => new Float64Array(times).fill(NaN)));
  for (let output = 0; n && output < charts; output++) {
    const order = finite.slice();  // at the moment before, which is nearly that of this one
    for (let time = 0; time < times; time++) {
      sort(all.put(output, time, order, values), order);
      SHARES.forEach((share, index) => {
        const between = share * (n - 1), low = Math.floor(between), high = Math.min(low + 1, n - 1);
        found[output][index][time] = values[low] + (between - low) * (values[high] - values[low]);
      });
    }
  }
  const median = (output, time) => {
    const there = all.put(output, time, finite, new Float64Array(n)).filter((value) => !Number.isNaN(value)).sort(), m = there.length;
    return m ? (there[(m - 1) >> 1] + there[m >> 1]) / 2 : NaN;
  };
  return { found, failed: runs - whole.length, runs, median };
}

// The moment from which on runs of two settings can differ, the number of moments where nothing does.  That of a
// constant is only known where it keeps its sign.
function apart(model, one, other) {
  const moments = model.inputs.flatMap((of) => {
    const [own, others] = [one, other].map((setting) => setting.values[of.name]);
    if (Object.is(own, others)) return [];
    const ends = [own, others].flatMap((value) => value ?? of.drawn ?? of.value), below = ends.map((end) => end < 0 || Object.is(end, -0));
    return below.every((sign) => sign === below[0]) ? of.from : 0;
  });
  moments.push(...model.curves.flatMap((of) => {
    const [ys, others] = [one, other].map((setting) => setting.curves[of.name] ?? of.ys);
    const [own, theirs] = [ys, others].map((one) => (Array.isArray(one) ? one : one.head));
    return of.from.filter((_, i) => i >= own.length || i >= theirs.length || !Object.is(own[i], theirs[i]));
  }));
  return Math.min(model.code.steps, ...moments);
}

// Runs settings one after the other, pieces of draws side by side; of live settings the latest alone is waited for.  A
// setting that differs only later on from `whole`, the last live one that was run from the start, begins at a stop.  What is
// said of the runs that are there is `summed` up; of a setting that has `every`, { places: of outputs, from: a step },
// { whole, each: parts of (run, step, output), from: their first step, not later than that }.
class Runs {
  constructor(model, data, workers, piece, summed) {
    Object.assign(this, { model, data, workers, piece, summed, busy: false, seen: false, whole: null, live: null, queue: [], spare: [] });
  }

  // `each` is told of the quantiles of the draws that are there so far, at most every 60 ms and while the others take as
  // long, and may be left for a newer one after that: then the promise gives null.
  ask(setting, each) {
    return new Promise((done, fail) => {
      const job = { setting, each, done, fail };
      if (each) { this.live?.done(null); this.live = job; } else this.queue.push(job);
      this.next();
    });
  }

  // Takes back runs that nobody will look at any more: those that come are written into their memory.
  reuse({ parts, cut }) { if (cut && !this.spare.length) this.spare.push(...parts.map((part) => part.buffer)); }

  async next() {
    if (this.busy) return;
    const job = this.live ?? this.queue.shift();
    if (!job) return;
    if (job === this.live) this.live = null;
    this.busy = true;
    try { job.done(await this.made(job)); } catch (error) { job.fail(error); }
    this.busy = false;
    this.next();
  }

  async made(job) {
    const { model, piece } = this, { every = null } = job.setting, rows = rowsOf(model, this.data.draws, job.setting), points = pointsOf(model, job.setting);
    const inputs = model.inputs.length, each = [];
    const runs = Math.max(1, model.draws), parts = [], times = model.time.values.length, outputs = totalOf(model), charts = model.outputs.length;
    const { whole } = this, differs = whole ? Math.min(apart(model, whole.setting, job.setting), every?.from ?? Infinity) : 0, { stops } = model.code;
    const stop = stops.filter((moment) => moment <= differs).length - 1;  // -1: from the start
    const cut = stop < 0 ? 0 : this.data.saved.subarray(0, stops[stop]).reduce((sum, one) => sum + one, 0), held = [];
    const known = () => this.summed(new Whole(parts, times, outputs, whole?.parts, cut), charts);
    const begun = performance.now();
    let next = 0, left = false, told = this.seen ? begun : 0;  // at first one piece is enough to show
    this.seen = true;
    const one = async (run) => {
      for (let shared = points.shared.slice(); next < runs && !left; shared = null) {
        const first = next, last = Math.min(first + piece, runs);
        next = last;
        const at = first / piece, own = points.own(first, last);
        const given = stop < 0 ? null : whole.held[at][stop], spare = given && this.spare.pop();
        const made = await run(rows.slice(first * inputs, last * inputs), shared, first, last - first, stop, given, every?.places, own, spare);
        parts[at] = made.out;
        each[at] = made.each;
        held[at] = made.held;
        const now = performance.now(), ahead = (now - begun) * (runs - last) / last;  // drawing takes time from runs
        if (job.each && last < runs && !left && (!told || (now - told > 60 && ahead > 60))) {
          job.each(known());
          told = performance.now();
          left = Boolean(whole && this.live);  // once seen it makes way for a newer one; the base run never does
        }
      }
    };
    // all are waited for: an answer that came late would be taken for that of the next setting
    const broken = (await Promise.allSettled(this.workers.map(one))).find((end) => end.status === "rejected");
    if (broken) throw broken.reason;
    if (!left && stop < 0 && job.each && !every) this.whole = { setting: job.setting, parts, held };
    if (left) return null;
    return every ? { whole: known(), each, from: stops[stop] ?? 0 } : known();
  }
}

const PATIENCE = 10000;  // ms in which a worker is ready, or is none: WebKit has left one without an answer

// A worker as a function of values, or an error where none can be started.
function worker(url, args) {
  return new Promise((done, fail) => {
    const thread = new Worker(url), late = setTimeout(() => { thread.terminate(); fail(new Error("they do not answer")); }, PATIENCE);
    let answer = null, refuse = fail;
    thread.onerror = (event) => { event.preventDefault(); refuse(new Error(event.message || "it could not be started")); };
    thread.onmessage = ({ data }) => {
      clearTimeout(late);
      if (data.error) refuse(new Error(data.error));
      else if (data.ready) done((...run) => new Promise((resolve, reject) => {
        answer = resolve;
        refuse = reject;
        const [rows, points, , , , , , own, spare] = run, sent = [rows, points, ...own.map((one) => one.values)].map((one) => one?.buffer);
        thread.postMessage({ run }, [...sent, spare].filter(Boolean));
      }));
      else answer(data.made);
    };
    thread.postMessage({ open: args });
  });
}

// Threads in workers where the browser lets a page of a file start them, else this one.
async function start(model, text, summed = quantiles) {
  const data = await opened(model, text), runs = Math.max(1, model.draws);
  const threads = Math.max(1, Math.min(8, navigator.hardwareConcurrency ?? 1, Math.ceil(runs / 16)));
  const piece = Math.max(2, Math.min(26, 2 * Math.ceil(runs / threads / 16)));
  const args = [model.code, data.bytes, data.table, data.saved, totalOf(model), piece];
  let workers, note = threads > 1 ? `${threads} threads` : "one thread";
  try {
    const url = URL.createObjectURL(new Blob([`(${runner})()`], { type: "text/javascript" }));
    workers = await Promise.all(Array.from({ length: threads }, () => worker(url, args)));
  } catch (error) {
    const run = await runner()(...args);
    const pause = () => new Promise((done) => setTimeout(done));
    workers = [async (...all) => { const made = run(...all); if (runs > piece) await pause(); return made; }];
    note = `one thread, as workers are refused (${error.message})`;
  }
  return { runs: new Runs(model, data, workers, piece, summed), note: model.code.width > 1 ? note : `${note}, without vectors` };
}

