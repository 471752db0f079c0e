"use strict";
// How the module is run, and what is said of many runs.  No equation of any model is here.

// All that a worker needs, in one function whose own text can start one.
function runner() {
  // Returns run(values, first, runs): outputs, (run, time, output), of runs numbered from `first`, values (run, column).
  async function open(code, bytes, table, saved, outputs, most) {
    const memory = new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(code.data / 65536)) });
    const { instance } = await WebAssembly.instantiate(bytes, { env: { __linear_memory: memory } });
    const kept = saved.reduce((sum, one) => sum + one, 0), filled = Math.ceil(most / code.width) * code.width;
    let free = code.data;
    const room = (size) => { const at = Math.ceil(free / 64) * 64; free = at + size; return at; };
    const places = [filled * code.columns * 8, filled * kept * outputs * 8, table.byteLength, saved.length,
      code.workspace * code.width * 8, filled * 8].map(room);
    memory.grow(Math.max(0, Math.ceil(free / 65536) - memory.buffer.byteLength / 65536));
    const doubles = new Float64Array(memory.buffer), longs = new BigInt64Array(memory.buffer);
    const [values, out, drivers, marks, , numbers] = places;
    new Uint8Array(memory.buffer).set(saved, marks);
    doubles.set(table, drivers / 8);
    return (rows, first, runs) => {
      const blocks = Math.ceil(runs / code.width);
      for (let run = 0; run < blocks * code.width; run++) {  // the last vector is filled up with the last run
        const from = Math.min(run, runs - 1);
        doubles.set(rows.subarray(from * code.columns, (from + 1) * code.columns), values / 8 + run * code.columns);
        longs[numbers / 8 + run] = BigInt(first + from);
      }
      instance.exports.simulate(...places, 0n, BigInt(blocks));
      return doubles.slice(out / 8, out / 8 + runs * kept * outputs);
    };
  }
  if (typeof document === "undefined" && typeof self !== "undefined" && self.postMessage) {
    let run = null;
    self.onmessage = async ({ data }) => {
      try {
        if (data.open) { run = await open(...data.open); self.postMessage({ ready: true }); return; }
        const out = run(data.values, data.first, data.runs);
        self.postMessage({ out }, [out.buffer]);
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

async function opened(model, texts) {
  const { code } = model, [steps, series] = code.shape;
  const bytes = await unpacked(texts.module), rest = await unpacked(texts.table), drawn = await unpacked(texts.draws);
  const split = steps * series * 8;
  return {
    bytes,
    table: ordered(rest.subarray(0, split), steps, series, Float64Array),
    saved: rest.slice(split),
    draws: ordered(drawn, model.draws, model.samples.length, Float32Array),
  };
}

// Values of all runs for a setting, (run, column): as set, or else as drawn, or else as in the file.
function rowsOf(model, draws, setting) {
  const runs = Math.max(1, model.draws), { columns } = model.code, rows = new Float64Array(runs * columns);
  const points = model.curves.flatMap((one) => setting.curves[one.name] ?? one.ys);
  model.inputs.forEach((one, column) => {
    const place = model.samples.indexOf(one.name), set = setting.values[one.name];
    for (let run = 0; run < runs; run++)
      rows[run * columns + column] = set ?? (place < 0 ? one.value : draws[run * model.samples.length + place]);
  });
  for (let run = 0; run < runs; run++) rows.set(points, run * columns + model.inputs.length);
  return rows;
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
    if (left < 0) { values.sort(); return; }
  }
}

// Quantiles of runs, by chart and share (time,): definition 7 of Hyndman and Fan, as the engine has it.  Of several runs
// those are left out whose charts are not finite throughout, all are counted; the median of any output at any time is
// found on demand, of the runs that have a number there.
function quantiles(parts, times, outputs, charts = outputs) {
  const size = times * outputs, all = [];
  for (const part of parts)
    for (let at = 0; at < part.length; at += size)
      all.push(part.subarray(at, at + size));
  const whole = all.filter((run) => run.every((value, place) => place % outputs >= charts || Number.isFinite(value)));
  const finite = all.length > 1 ? whole : all;
  const found = Array.from({ length: charts }, () => SHARES.map(() => new Float64Array(times).fill(NaN)));
  const n = finite.length, one = new Float64Array(n);
  for (let output = 0; n && output < charts; output++) {
    const order = Uint32Array.from(finite.keys());  // at the moment before, which is nearly that of this one
    for (let time = 0; time < times; time++) {
      for (let at = 0; at < n; at++) one[at] = finite[order[at]][time * outputs + output];
      sort(one, order);
      SHARES.forEach((share, index) => {
        const at = share * (n - 1), low = Math.floor(at), high = Math.min(low + 1, n - 1);
        found[output][index][time] = one[low] + (at - low) * (one[high] - one[low]);
      });
    }
  }
  const median = (output, time) => {
    const there = Float64Array.from(finite, (run) => run[time * outputs + output]).filter((value) => !Number.isNaN(value)).sort(), m = there.length;
    return m ? (there[(m - 1) >> 1] + there[m >> 1]) / 2 : NaN;
  };
  return { found, failed: all.length - whole.length, runs: all.length, median };
}

// Runs settings one after the other, pieces of draws side by side; of live settings the latest alone is waited for.
class Runs {
  constructor(model, data, workers, piece) {
    Object.assign(this, { model, data, workers, piece, busy: false, seen: false, whole: false, live: null, queue: [] });
  }

  // `each` is told of the quantiles of the draws that are there so far, at most every 60 ms, and
  // may be left for a newer one after that: then the promise gives null.
  ask(setting, each) {
    return new Promise((done, fail) => {
      const job = { setting, each, done, fail };
      if (each) { this.live?.done(null); this.live = job; } else this.queue.push(job);
      this.next();
    });
  }

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
    const { model, piece } = this, { columns } = model.code, rows = rowsOf(model, this.data.draws, job.setting);
    const runs = Math.max(1, model.draws), parts = [], times = model.time.values.length, outputs = totalOf(model), charts = model.outputs.length;
    let next = 0, left = false, told = this.seen ? performance.now() : -Infinity;  // at first one piece is enough to show
    this.seen = true;
    const one = async (run) => {
      while (next < runs && !left) {
        const first = next, last = Math.min(first + piece, runs);
        next = last;
        parts[first / piece] = await run(rows.slice(first * columns, last * columns), first, last - first);
        if (job.each && last < runs && !left && performance.now() - told > 60) {
          job.each(quantiles(parts.filter(Boolean), times, outputs, charts));
          told = performance.now();
          left = this.whole && Boolean(this.live);  // once seen it makes way for a newer one; the base run never does
        }
      }
    };
    // all are waited for: an answer that came late would be taken for that of the next setting
    const broken = (await Promise.allSettled(this.workers.map(one))).find((end) => end.status === "rejected");
    if (broken) throw broken.reason;
    this.whole ||= !left;
    return left ? null : quantiles(parts, times, outputs, charts);
  }
}

// A worker as a function of values, or an error where none can be started.
function worker(url, args) {
  return new Promise((done, fail) => {
    const own = new Worker(url);
    let answer = null, refuse = fail;
    own.onerror = (event) => { event.preventDefault(); refuse(new Error(event.message || "it could not be started")); };
    own.onmessage = ({ data }) => {
      if (data.error) refuse(new Error(data.error));
      else if (data.ready) done((values, first, runs) => new Promise((resolve, reject) => {
        answer = resolve;
        refuse = reject;
        own.postMessage({ values, first, runs }, [values.buffer]);
      }));
      else answer(data.out);
    };
    own.postMessage({ open: args });
  });
}

// Threads in workers where the browser lets a page of a file start them, else this one.
async function start(model, texts) {
  const data = await opened(model, texts), runs = Math.max(1, model.draws);
  if (!WebAssembly.validate(data.bytes)) throw new Error("its WebAssembly lacks vectors (SIMD)");
  const threads = Math.max(1, Math.min(8, navigator.hardwareConcurrency ?? 1, Math.ceil(runs / 16)));
  const piece = Math.max(2, Math.min(26, 2 * Math.ceil(runs / threads / 8)));
  const args = [model.code, data.bytes, data.table, data.saved, totalOf(model), piece];
  let workers, note = threads > 1 ? `${threads} threads` : "one thread";
  try {
    const url = URL.createObjectURL(new Blob([`(${runner})()`], { type: "text/javascript" }));
    workers = await Promise.all(Array.from({ length: threads }, () => worker(url, args)));
  } catch (error) {
    const run = await runner()(...args);
    const pause = () => new Promise((done) => setTimeout(done));
    workers = [async (values, first, count) => { const out = run(values, first, count); if (runs > piece) await pause(); return out; }];
    note = `one thread, as workers are refused (${error.message})`;
  }
  return { runs: new Runs(model, data, workers, piece), note };
}

