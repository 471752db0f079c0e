// Numbers as people read them, and one chart.  Everything of the model is set as text.

const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const NARROW = "(max-width: 860px)";
const BLUE = { band: "#c3d6ea", core: "#8db2d8", main: "#0b3d73" }, INK = "#16202b", QUIET = "#55606c";
// of kept runs: told apart by their dashes, in grey too
const DASHES = ["7 3", "2 2.5", "10 3 2 3", "14 4", "4 2 1 2 1 2"], COLOURS = ["#9a3412", "#166534", "#6b21a8", "#854d0e", "#334155"];

function made(tag, properties = {}, ...children) {
  const one = document.createElement(tag);
  for (const [key, value] of Object.entries(properties))
    if (key in one && !key.startsWith("aria")) one[key] = value; else one.setAttribute(key.replace("ariaLabel", "aria-label"), value);
  one.append(...children);
  return one;
}

function drawn(tag, attributes = {}, ...children) {
  const one = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  one.append(...children);
  return one;
}

// marks that turn the direction of what follows would mirror the numbers beside a name: they are shown as such
const plain = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
// the same words stand under many names, which a reader who hears them has to tell apart
const unfold = (name, text) => made("summary", { ariaLabel: `${name}: ${text}` }, text);
const inUnit = (one) => made("span", { className: "unit", dir: "auto" }, unitOf(one));
const named = (text) => made("bdi", { className: "name", dir: "auto" }, plain(text));
const NO_UNIT = "dimensionless";
const unitOf = (one) => (/^(dmnl|dimensionless|1|)$/i.test(one.unit.trim()) ? NO_UNIT : plain(one.unit));

// ---- numbers as people read them

const FORMATS = [];  // by digits: making one takes longer than all else that is done with it
const formatOf = (digits) => (FORMATS[digits] ??= new Intl.NumberFormat("en", { maximumSignificantDigits: digits }));

function told(value, digits = 4) {
  if (!Number.isFinite(value)) return "not a number";
  const size = Math.abs(value);
  if (size && (size >= 1e15 || size < 1e-4)) return Number(value.toPrecision(digits)).toExponential().replaceAll("-", "\u2212");
  return formatOf(digits).format(Number(value.toPrecision(digits))).replace("-", "\u2212");
}
// a moment is never grouped: 2030, not 2,030
const moment = (value) => String(Number(value.toFixed(4)));

const SCALES = [[1e12, "trillion (10\u00b9\u00b2)"], [1e9, "billion (10\u2079)"], [1e6, "million"], [1e3, "thousand"]];
const scaleOf = (most) => SCALES.find(([size]) => most >= 10 * size) ?? [1, ""];

function ticks(low, high, most) {
  const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * power >= raw) * power, out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) out.push(Number((k * step).toPrecision(12)));
  return out;
}

// ---- one chart

// `scaled` tells large numbers in thousands, millions and so on, with a word for it beside the unit.
function frame(low, high, times, width, height, unit, most = 5, scaled = true) {
  const [scale, word] = scaleOf(scaled ? Math.max(Math.abs(low), Math.abs(high)) : 0);
  const marks = ticks(low / scale, high / scale, most), box = { left: 52, right: width - 12, top: 24, bottom: height - 24 };
  const x = (time) => box.left + (box.right - box.left) * (time - times[0]) / (times[times.length - 1] - times[0]);
  const y = (value) => box.bottom - (box.bottom - box.top) * (value - low) / (high - low);
  const parts = [drawn("rect", { x: 0, y: 0, width, height, fill: "#fff" })];
  const text = (content, attributes) => drawn("text", { "font-size": 12, fill: QUIET, ...attributes }, content);
  parts.push(text([word, unit].filter(Boolean).join(" "), { x: 2, y: 12 }));
  for (const mark of marks) {
    const at = y(mark * scale);
    parts.push(drawn("line", { x1: box.left, x2: box.right, y1: at, y2: at, stroke: mark ? "#e3e7ec" : "#8c96a1" }));
    parts.push(text(told(mark, 5), { x: box.left - 7, y: at + 4, "text-anchor": "end" }));
  }
  return { box, x, y, parts, text, scale, word };
}

const marksOver = (width) => Math.max(4, Math.floor(width / 80));
const tenth = (pixels) => Math.round(10 * pixels) / 10;

// Marks along the lower side, the outermost kept inside.
function across(times, most, x, box, parts, text) {
  for (const time of ticks(times[0], times[times.length - 1], most)) {
    const at = x(time), anchor = at > box.right - 14 ? "end" : at < box.left + 14 ? "start" : "middle";
    parts.push(drawn("line", { x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4, stroke: "#8c96a1" }));
    const own = { end: box.right + 8, start: box.left - 6, middle: at }[anchor];
    parts.push(text(moment(time), { x: own, y: box.bottom + 17, "text-anchor": anchor }));
  }
}

function path(xs, values, y) {
  let out = "", open = false;
  for (let i = 0; i < xs.length; i++) {
    if (!Number.isFinite(values[i])) { open = false; continue; }
    out += `${open ? "L" : "M"}${xs[i]} ${tenth(y(values[i]))}`;
    open = true;
  }
  return out;
}

function area(xs, low, high, y) {
  const there = [...xs.keys()].filter((i) => Number.isFinite(low[i]) && Number.isFinite(high[i]));
  const point = (i, of) => `${xs[i]} ${tenth(y(of[i]))}`;
  return there.length ? `M${there.map((i) => point(i, high)).join("L")}L${there.reverse().map((i) => point(i, low)).join("L")}Z` : "";
}

function span(lists) {
  let low = Infinity, high = -Infinity;
  const finite = lists.flatMap((list) => Array.from(list).filter(Number.isFinite));
  for (const value of finite) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) return [0, 1];
  if (low > 0 && low < 0.6 * high) low = 0;
  if (high < 0 && high > 0.6 * low) high = 0;
  const beyond = (value) => Math.abs(value) / 10 || 0.5;
  if (high - low < 1e-9 * Math.max(Math.abs(low), Math.abs(high), 1e-300)) [low, high] = [low - beyond(low), high + beyond(high)];
  const margin = 0.04 * (high - low);
  return [low && low - margin, high && high + margin];
}

const complete = (values) => values.every(Number.isFinite);

class Chart {
  constructor(page, place) {
    this.page = page;
    this.place = place;
    this.about = page.model.outputs[place];
    this.spoken = `${this.about.name} over time`;
    this.svg = drawn("svg", { role: "img", "aria-label": this.spoken, xmlns: SVG });
    this.read = made("div", { className: "read" });
    const spoken = `Picture of ${this.about.name} (PNG)`;
    const image = made("button", { type: "button", className: "small", ariaLabel: spoken }, "PNG");
    image.onclick = () => png(this.svg, `${this.about.name}.png`);
    const said = made("p", { className: "quiet", dir: "auto" }, this.about.note || "The model file says nothing about it.");
    const note = made("details", {}, unfold(this.about.name, "What is this?"), said);
    const head = made("div", { className: "bar head" }, made("span", { className: "title" }, named(this.about.name)), image);
    this.element = made("figure", { className: "chart" }, made("figcaption", {}, head), this.svg, this.read, note);
    const point = (event) => {
      const box = this.svg.getBoundingClientRect(), share = ((event.clientX - box.left) / box.width * this.width - 52) / (this.width - 64);
      page.look(Math.round(share * (page.times.length - 1)));
    };
    this.svg.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" || event.buttons) point(event); });
    this.svg.addEventListener("pointerdown", point);
  }

  // Measured apart from drawing, which would else lay the page out anew for every chart.
  fit() {
    this.width = Math.max(280, Math.round(this.svg.clientWidth || 360));
    this.height = window.matchMedia(NARROW).matches ? 180 : 236;
  }

  draw() {
    const { page, place, about, width, height } = this, { times } = page, own = page.now?.found[place], base = page.base?.found[place];
    const shown = page.kept.filter((one) => one.shown && one.result), seen = about.observed;
    const within = (time) => time >= times[0] && time <= times[times.length - 1];
    const inside = seen ? seen.values.filter((_, i) => within(seen.times[i])) : [];
    const bands = page.model.draws > 1;
    const kept = shown.map((one) => [one.result.found[place][2]]);
    const lists = [own && (bands ? own : [own[2]]), base && [base[2]], ...kept].filter(Boolean).flat(), whole = lists.filter(complete);
    // a run that breaks off does so far away: the others say what there is room for, and its line is held at the edge
    const [low, high] = span([...(whole.length ? whole : lists), inside]), unit = unitOf(about), sized = unit !== NO_UNIT;
    const { box, x, y: free, parts, text, ...size } = frame(low, high, times, width, height, unit, 5, sized);
    const y = (value) => Math.min(Math.max(free(value), box.top), box.bottom);
    this.size = size;
    const xs = times.map((time) => tenth(x(time)));
    const lined = { fill: "none", "stroke-linejoin": "round" };
    const stroke = (values, attributes) => parts.push(drawn("path", { d: path(xs, values, y), ...lined, ...attributes }));
    if (own && bands) {
      parts.push(drawn("path", { d: area(xs, own[0], own[4], y), fill: BLUE.band }));
      parts.push(drawn("path", { d: area(xs, own[1], own[3], y), fill: BLUE.core }));
    }
    across(times, marksOver(width), x, box, parts, text);
    const over = page.model.time.unit || "Time";  // a long word has no room beside the first mark
    parts.push(text(over, over.length > 6 ? { x: box.right, y: 12, "text-anchor": "end" } : { x: 2, y: box.bottom + 17 }));
    if (base && page.changed()) stroke(base[2], { stroke: "#5b6672", "stroke-width": 1.6, "stroke-dasharray": "4 3" });
    for (const { result, colour, dash } of shown)
      stroke(result.found[place][2], { stroke: colour, "stroke-width": 1.8, "stroke-dasharray": dash });
    if (own) stroke(own[2], { stroke: BLUE.main, "stroke-width": 2.4 });
    if (seen) seen.times.forEach((time, i) => {
      const dot = { cx: x(time), cy: y(seen.values[i]), r: 3.2, fill: "#fff", stroke: INK, "stroke-width": 1.4 };
      if (within(time)) parts.push(drawn("circle", dot));
    });
    const at = x(times[page.at]);
    const dashed = { stroke: INK, "stroke-width": 1, "stroke-dasharray": "1 2", class: "cursor" };
    parts.push(drawn("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, ...dashed }));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(...parts);
    this.say();
  }

  say() {
    const { page, place, about } = this, i = page.at, own = page.now?.found[place], base = page.base?.found[place];
    if (!own) return;
    const banded = page.model.draws > 1, was = base && page.changed() ? [base[2][i]] : [];
    // as the axis has it, unless a number is small beside that
    const near = [own[2][i], ...(banded ? [own[0][i], own[4][i]] : []), ...was].every((value) => !value || Math.abs(value) >= this.size.scale / 10);
    const { scale, word } = near ? this.size : { scale: 1, word: "" }, sized = (value, digits) => told(value / scale, digits);
    const range = banded ? ` (${sized(own[0][i], 3)} to ${sized(own[4][i], 3)})` : "";
    const before = was.map((value) => `, base run ${sized(value)}`).join("");
    this.read.replaceChildren(`${page.when(i)}: ${sized(own[2][i])}${range}${before} ${word && `${word} `}`, inUnit(about));
    this.svg.setAttribute("aria-label", `${this.spoken}. ${this.read.textContent}`);
  }
}

function png(svg, name) {
  const { width, height } = svg.viewBox.baseVal, copy = svg.cloneNode(true), picture = new Image();
  copy.setAttribute("width", width);
  copy.setAttribute("height", height + 18);
  copy.setAttribute("viewBox", `0 -18 ${width} ${height + 18}`);
  copy.setAttribute("font-family", "Helvetica, Arial, sans-serif");
  const title = drawn("text", { x: 2, y: -4, "font-size": 13, "font-weight": "bold", fill: INK }, plain(name.replace(/\.png$/, "")));
  copy.prepend(drawn("rect", { x: 0, y: -18, width, height: 18, fill: "#fff" }), title);
  picture.onerror = () => { byId("status").textContent = "This browser cannot make the picture."; };
  picture.onload = () => {
    const canvas = made("canvas", { width: 2 * width, height: 2 * (height + 18) });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(name, blob));
  };
  picture.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}

function save(name, content) {
  const blob = content instanceof Blob ? content : new Blob([content], { type: "text/plain;charset=utf-8" });
  const link = made("a", { href: URL.createObjectURL(blob), download: name.replace(/[^\w.\- ]+/g, "_").slice(0, 100) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

