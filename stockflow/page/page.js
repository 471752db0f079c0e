// What is on the page: sliders, charts, kept runs, tables, address.  Everything of the model is set as text.

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

const named = (text) => made("bdi", { className: "name", dir: "auto" }, text);
const unitOf = (one) => (/^(dmnl|dimensionless|1|)$/i.test(one.unit.trim()) ? "dimensionless" : one.unit);

// ---- numbers as people read them

function told(value, digits = 4) {
  if (!Number.isFinite(value)) return "not a number";
  const size = Math.abs(value);
  if (size && (size >= 1e15 || size < 1e-4)) return Number(value.toPrecision(digits)).toExponential().replaceAll("-", "\u2212");
  const rounded = Number(value.toPrecision(digits));
  return rounded.toLocaleString("en", { maximumSignificantDigits: Math.max(digits, 1) }).replace("-", "\u2212");
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

function frame(low, high, times, width, height, unit) {
  const [scale, word] = scaleOf(Math.max(Math.abs(low), Math.abs(high)));
  const marks = ticks(low / scale, high / scale, 5), box = { left: 52, right: width - 12, top: 24, bottom: height - 24 };
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
  return { box, x, y, parts, text };
}

const tenth = (pixels) => Math.round(10 * pixels) / 10;

// Marks along the lower side, the outermost kept inside.
function across(times, most, x, box, parts, text) {
  for (const time of ticks(times[0], times[times.length - 1], most)) {
    const at = x(time), anchor = at > box.right - 14 ? "end" : at < box.left + 14 ? "start" : "middle";
    parts.push(drawn("line", { x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4, stroke: "#8c96a1" }));
    parts.push(text(moment(time), { x: { end: box.right + 8, start: box.left - 6, middle: at }[anchor], y: box.bottom + 17, "text-anchor": anchor }));
  }
}

function path(times, values, x, y) {
  let out = "", open = false;
  for (let i = 0; i < times.length; i++) {
    if (!Number.isFinite(values[i])) { open = false; continue; }
    out += `${open ? "L" : "M"}${tenth(x(times[i]))} ${tenth(y(values[i]))}`;
    open = true;
  }
  return out;
}

function area(times, low, high, x, y) {
  const there = [...times.keys()].filter((i) => Number.isFinite(low[i]) && Number.isFinite(high[i]));
  const point = (i, of) => `${tenth(x(times[i]))} ${tenth(y(of[i]))}`;
  return there.length ? `M${there.map((i) => point(i, high)).join("L")}L${there.reverse().map((i) => point(i, low)).join("L")}Z` : "";
}

function span(lists) {
  let low = Infinity, high = -Infinity;
  for (const list of lists) for (const value of list) if (Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low > high) return [0, 1];
  if (low > 0 && low < 0.6 * high) low = 0;
  if (high < 0 && high > 0.6 * low) high = 0;
  if (high - low < 1e-9 * Math.max(Math.abs(low), Math.abs(high), 1e-300)) [low, high] = [low - (Math.abs(low) / 10 || 0.5), high + (Math.abs(high) / 10 || 0.5)];
  const margin = 0.04 * (high - low);
  return [low && low - margin, high && high + margin];
}

class Chart {
  constructor(page, place) {
    this.page = page;
    this.place = place;
    this.about = page.model.outputs[place];
    this.svg = drawn("svg", { role: "img", xmlns: SVG });
    this.read = made("div", { className: "read" });
    const image = made("button", { type: "button", className: "small", ariaLabel: `Picture of ${this.about.name} (PNG)` }, "PNG");
    image.onclick = () => png(this.svg, `${this.about.name}.png`);
    const note = made("details", {}, made("summary", {}, "What is this?"), made("p", { className: "quiet", dir: "auto" }, this.about.note || "The model file says nothing about it."));
    this.element = made("figure", { className: "chart" }, made("figcaption", {}, made("div", { className: "bar head" }, made("span", { className: "title" }, named(this.about.name)), image)), this.svg, this.read, note);
    const point = (event) => {
      const box = this.svg.getBoundingClientRect(), share = ((event.clientX - box.left) / box.width * this.width - 52) / (this.width - 64);
      page.look(Math.round(share * (page.times.length - 1)));
    };
    this.svg.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" || event.buttons) point(event); });
    this.svg.addEventListener("pointerdown", point);
  }

  draw() {
    const { page, place, about } = this, { times } = page, own = page.now?.found[place], base = page.base?.found[place];
    const shown = page.kept.filter((one) => one.shown && one.result), seen = about.observed;
    this.width = Math.max(280, Math.round(this.svg.clientWidth || 360));
    const height = window.matchMedia(NARROW).matches ? 180 : 236, inside = seen ? seen.values.filter((_, i) => seen.times[i] >= times[0] && seen.times[i] <= times[times.length - 1]) : [];
    const bands = page.model.draws > 1;
    const lists = [own && (bands ? own : [own[2]]), base && [base[2]], ...shown.map((one) => [one.result.found[place][2]]), [inside]].filter(Boolean).flat();
    const [low, high] = span(lists), { box, x, y, parts, text } = frame(low, high, times, this.width, height, unitOf(about));
    const stroke = (values, attributes) => parts.push(drawn("path", { d: path(times, values, x, y), fill: "none", "stroke-linejoin": "round", ...attributes }));
    if (own && bands) {
      parts.push(drawn("path", { d: area(times, own[0], own[4], x, y), fill: BLUE.band }));
      parts.push(drawn("path", { d: area(times, own[1], own[3], x, y), fill: BLUE.core }));
    }
    across(times, Math.max(3, Math.floor(this.width / 80)), x, box, parts, text);
    parts.push(text(page.model.time.unit || "Time", { x: 2, y: box.bottom + 17 }));
    if (base && page.changed()) stroke(base[2], { stroke: "#5b6672", "stroke-width": 1.6, "stroke-dasharray": "4 3" });
    shown.forEach((one) => stroke(one.result.found[place][2], { stroke: one.colour, "stroke-width": 1.8, "stroke-dasharray": one.dash }));
    if (own) stroke(own[2], { stroke: BLUE.main, "stroke-width": 2.4 });
    if (seen) seen.times.forEach((time, i) => {
      if (time >= times[0] && time <= times[times.length - 1]) parts.push(drawn("circle", { cx: x(time), cy: y(seen.values[i]), r: 3.2, fill: "#fff", stroke: INK, "stroke-width": 1.4 }));
    });
    const at = x(times[page.at]);
    parts.push(drawn("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, stroke: INK, "stroke-width": 1, "stroke-dasharray": "1 2", class: "cursor" }));
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    this.svg.replaceChildren(...parts);
    this.say();
  }

  say() {
    const { page, place, about } = this, i = page.at, own = page.now?.found[place], base = page.base?.found[place];
    if (!own) return;
    const range = page.model.draws > 1 ? ` (${told(own[0][i], 3)} to ${told(own[4][i], 3)})` : "";
    const was = base && page.changed() ? `; base run ${told(base[2][i])}` : "";
    this.read.replaceChildren(`${told(own[2][i])} `, made("span", { className: "quiet" }, unitOf(about)), `${range}${was}`);
    this.svg.setAttribute("aria-label", `${about.name} over time. At ${page.model.time.unit} ${moment(page.times[i])}: ${this.read.textContent}`);
  }
}

function png(svg, name) {
  const { width, height } = svg.viewBox.baseVal, copy = svg.cloneNode(true), picture = new Image();
  copy.setAttribute("width", width);
  copy.setAttribute("height", height + 18);
  copy.setAttribute("viewBox", `0 -18 ${width} ${height + 18}`);
  copy.setAttribute("font-family", "Helvetica, Arial, sans-serif");
  copy.prepend(drawn("rect", { x: 0, y: -18, width, height: 18, fill: "#fff" }), drawn("text", { x: 2, y: -4, "font-size": 13, "font-weight": "bold", fill: INK }, name.replace(/\.png$/, "")));
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

// ---- what may be moved

const POSITIONS = 200;

function scaleFor(one) {
  const logarithmic = one.low > 0 && one.high / one.low > 100;
  const to = (value) => (logarithmic ? Math.log(value / one.low) / Math.log(one.high / one.low) : (value - one.low) / (one.high - one.low));
  const from = (share) => (logarithmic ? one.low * (one.high / one.low) ** share : one.low + share * (one.high - one.low));
  const limit = (value) => Math.min(Math.max(value, one.low), one.high);
  return {
    logarithmic,
    position: (value) => Math.round(POSITIONS * Math.min(Math.max(to(value), 0), 1)),
    value: (place) => (place <= 0 ? one.low : place >= POSITIONS ? one.high : limit(Number(from(place / POSITIONS).toPrecision(4)))),
  };
}

class Slider {
  constructor(page, one) {
    Object.assign(this, { page, one, scale: scaleFor(one) });
    const place = page.model.samples.indexOf(one.name), id = `s${page.model.inputs.indexOf(one)}`;
    const column = place < 0 ? [] : [...page.draws.keys()].filter((i) => i % page.model.samples.length === place).map((i) => page.draws[i]).sort((a, b) => a - b);
    const at = (share) => column[Math.round(share * (column.length - 1))];
    this.sampled = column.length ? { low: at(0.05), middle: at(0.5), high: at(0.95) } : null;
    const unit = unitOf(one), [least, most] = one.limits, spoken = `${one.name}, ${unit}`;
    this.range = made("input", { type: "range", id, min: 0, max: POSITIONS, step: 1 });
    this.field = made("input", { type: "number", step: "any", ariaLabel: `${spoken}, as a number` });
    if (least !== null && one.value >= least) this.field.min = least;
    if (most !== null && one.value <= most) this.field.max = most;
    this.back = made("button", { type: "button", ariaLabel: `${one.name}: back to the base run`, title: "back to the base run" }, "\u21ba");
    this.range.oninput = () => page.set(one.name, this.scale.value(Number(this.range.value)));
    this.field.oninput = () => { if (this.field.value !== "" && this.field.validity.valid) page.set(one.name, Number(this.field.value)); };
    this.field.onchange = () => { if (this.field.value === "" || !this.field.validity.valid) { page.say(`${one.name} must be a number${this.bounds()}: taken back.`); this.show(); } };
    this.back.onclick = () => page.set(one.name, undefined);
    const rule = `${one.rule}${this.scale.logarithmic ? "; logarithmic" : ""}. Base: ${this.usual()} ${unit}.`;
    const note = made("details", {}, made("summary", { ariaLabel: `About ${one.name}` }, `${told(one.low, 3)} to ${told(one.high, 3)} \u00b7 what is this?`), made("p", { className: "quiet", dir: "auto" }, one.note), made("p", { className: "quiet" }, rule[0].toUpperCase() + rule.slice(1)));
    const label = made("label", { htmlFor: id }, named(one.name), " ", made("span", { className: "unit" }, unit));
    this.element = made("div", { className: "item" }, made("div", { className: "row" }, label, this.range, this.field, this.back), note);
  }

  bounds() {
    const { min, max } = this.field;
    return min !== "" || max !== "" ? ` from ${min || "any"} to ${max || "any"}` : "";
  }

  usual() {
    const { sampled } = this;
    return sampled ? `as sampled, ${told(sampled.low, 3)} to ${told(sampled.high, 3)} (90%), middle ${told(sampled.middle, 3)}` : told(this.one.value);
  }

  show() {
    const value = this.page.setting.values[this.one.name], usual = this.sampled?.middle ?? this.one.value;
    this.element.classList.toggle("changed", value !== undefined);
    this.back.disabled = value === undefined;
    this.range.value = this.scale.position(value ?? usual);
    this.range.setAttribute("aria-valuetext", value === undefined ? `base: ${this.usual()}` : `${told(value)} ${unitOf(this.one)}`);
    if (document.activeElement !== this.field || !this.field.validity.valid || Number(this.field.value) !== value) {
      this.field.value = value === undefined && this.sampled ? "" : Number((value ?? usual).toPrecision(12));
      this.field.placeholder = this.sampled ? "as sampled" : "";
    }
  }
}

class Curve {
  constructor(page, one) {
    Object.assign(this, { page, one });
    this.svg = drawn("svg", { role: "img", "aria-label": `Curve of ${one.name}; its points can be typed in the table below it` });
    const unit = unitOf(one), of = one["of unit"] ? `${one.of} (${one["of unit"]})` : one.of;
    this.back = made("button", { type: "button", ariaLabel: `${one.name}: back to the base run` }, "\u21ba");
    this.back.onclick = () => page.bend(one.name, undefined);
    const [least, most] = one.limits;
    this.fields = one.ys.map((_, i) => {
      const field = made("input", { type: "number", step: "any", ariaLabel: `${one.name} at ${moment(one.xs[i])}, ${unit}` });
      if (least !== null && Math.min(...one.ys) >= least) field.min = least;
      if (most !== null && Math.max(...one.ys) <= most) field.max = most;
      field.onchange = () => {
        if (field.value !== "" && field.validity.valid) this.move(i, Number(field.value));
        else { page.say(`${one.name} must be a number within its limits: taken back.`); this.show(); }
      };
      return field;
    });
    const rows = this.fields.map((field, i) => made("tr", {}, made("th", { scope: "row" }, moment(one.xs[i])), made("td", {}, field)));
    const table = made("table", {}, made("thead", {}, made("tr", {}, made("th", { scope: "col" }, of), made("th", { scope: "col" }, unit))), made("tbody", {}, ...rows));
    const note = made("details", {}, made("summary", { ariaLabel: `Points of ${one.name}` }, "Points \u00b7 what is this?"), made("p", { className: "quiet", dir: "auto" }, one.note), table);
    this.element = made("div", { className: "item curve" }, made("div", { className: "bar head" }, made("span", {}, named(one.name), made("span", { className: "quiet" }, " over ", named(of))), this.back), this.svg, note);
    this.held = null;
    this.svg.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.svg.addEventListener(end, () => { this.held = null; this.show(); });
  }

  move(i, value) {
    const ys = [...(this.page.setting.curves[this.one.name] ?? this.one.ys)];
    ys[i] = value;
    this.page.bend(this.one.name, ys);
  }

  drag(event) {
    if (!this.held) return;
    const box = this.svg.getBoundingClientRect(), { frame: held, i } = this.held;
    const down = (event.clientY - box.top) / box.height * 150, share = (held.box.bottom - down) / (held.box.bottom - held.box.top);
    const [least, most] = this.one.limits, value = Number((held.low + share * (held.high - held.low)).toPrecision(4));
    this.move(i, Math.min(Math.max(value, least ?? -Infinity), most ?? Infinity));
  }

  show() {
    const { one, page } = this, bent = page.setting.curves[one.name], ys = bent ?? one.ys, width = 360;
    this.element.classList.toggle("changed", Boolean(bent));
    this.back.disabled = !bent;
    ys.forEach((value, i) => { if (document.activeElement !== this.fields[i]) this.fields[i].value = Number(value.toPrecision(12)); });
    let [low, high] = this.held ? [this.held.frame.low, this.held.frame.high] : span([ys, one.ys]);
    if (!this.held) { const more = 0.25 * (high - low); high += more; if (low) low -= more; }
    const { box, x, y, parts, text } = frame(low, high, one.xs, width, 150, unitOf(one));
    const line = (values, attributes) => parts.push(drawn("path", { d: one.steps ? stairs(one.xs, values, x, y) : path(one.xs, values, x, y), fill: "none", ...attributes }));
    across(one.xs, 5, x, box, parts, text);
    if (bent) line(one.ys, { stroke: "#5b6672", "stroke-dasharray": "4 3" });
    line(ys, { stroke: BLUE.main, "stroke-width": 2 });
    ys.forEach((value, i) => {
      const circle = drawn("circle", { cx: x(one.xs[i]), cy: y(value), r: ys.length > 20 ? 4 : 5.5, fill: "#fff", stroke: BLUE.main, "stroke-width": 2 });
      circle.addEventListener("pointerdown", (event) => { this.held = { i, frame: { low, high, box } }; this.svg.setPointerCapture(event.pointerId); });
      parts.push(circle);
    });
    this.svg.setAttribute("viewBox", `0 0 ${width} 150`);
    this.svg.replaceChildren(...parts);
  }
}

// The engine's picture of a group, and over it what is known of its variables at the moment read off.
class Pictures {
  constructor(page) {
    this.page = page;
    const { pictures } = page.model, choice = byId("group");
    byId("picture-part").hidden = !pictures.length;
    if (!pictures.length) return;
    choice.append(...pictures.map((one, i) => made("option", { value: i }, one.name || "all")));
    choice.hidden = pictures.length < 2;
    choice.onchange = () => this.choose(pictures[choice.value]);
    byId("pictures").ontoggle = () => this.draw();
    // open at once where all in it has a value and there is room
    byId("pictures").open = pictures.length === 1 && !window.matchMedia(NARROW).matches;
    this.choose(pictures[0]);
  }

  choose(picture) {
    const [width, height] = picture.size;
    const image = drawn("image", { x: 0, y: picture.top, width, height, href: `data:image/svg+xml,${encodeURIComponent(picture.svg)}` });
    this.picture = picture;
    this.values = drawn("g", { "text-anchor": "middle", "font-size": 11, fill: BLUE.main, stroke: "#fff", "stroke-width": 3, "paint-order": "stroke" });
    const whole = drawn("svg", { role: "img", "aria-label": `Stocks and flows of ${picture.name}`, viewBox: `0 ${picture.top} ${width} ${height}` }, image, this.values);
    whole.style.maxWidth = `${width}px`;
    byId("picture").replaceChildren(whole);
    this.draw();
  }

  draw() {
    const { page, picture } = this;
    if (!picture || !page.now || !byId("pictures").open) return;
    this.values.replaceChildren(...picture.places.flatMap(([name, x, y]) => {
      const value = page.valueOf(name);
      return value === undefined ? [] : [drawn("text", { x, y: y + 4 }, told(value, 3))];
    }));
  }
}

function stairs(xs, ys, x, y) {
  return xs.map((one, i) => (i ? `H${tenth(x(one))}V${tenth(y(ys[i]))}` : `M${tenth(x(one))} ${tenth(y(ys[0]))}`)).join("");
}

// ---- the address

const plainSetting = () => ({ values: {}, curves: {} });
const isChanged = ({ values, curves }) => Object.keys(values).length + Object.keys(curves).length > 0;

function addressOf(page) {
  const { setting, kept } = page;
  if (!isChanged(setting) && !kept.length) return "";
  return `#${encodeURIComponent(JSON.stringify({ ...setting, kept: kept.map(({ name, setting: own, shown }) => ({ name, ...own, shown })) }))}`;
}

// What an address asks for, as far as this page has it; what it has not is told.
function read(model, hash) {
  const wrong = [], fine = { setting: plainSetting(), kept: [], wrong };
  if (hash.length < 2) return fine;
  let asked;
  try { asked = JSON.parse(decodeURIComponent(hash.slice(1))); } catch { wrong.push("it is cut short or damaged"); return fine; }
  const inputs = new Map(model.inputs.filter((one) => one.shown).map((one) => [one.name, one])), curves = new Map(model.curves.map((one) => [one.name, one]));
  const within = (value, [low, high]) => typeof value === "number" && Number.isFinite(value) && (low === null || value >= low) && (high === null || value <= high);
  const setting = (of) => {
    const out = plainSetting();
    for (const [name, value] of Object.entries(of?.values ?? {}))
      if (inputs.has(name) && (within(value, inputs.get(name).limits) || value === inputs.get(name).value)) out.values[name] = value;
      else wrong.push(`${name} = ${value}`);
    for (const [name, ys] of Object.entries(of?.curves ?? {}))
      if (curves.has(name) && Array.isArray(ys) && ys.length === curves.get(name).ys.length && ys.every((y, i) => within(y, curves.get(name).limits) || y === curves.get(name).ys[i])) out.curves[name] = ys;
      else wrong.push(`curve ${name}`);
    return out;
  };
  fine.setting = setting(asked);
  if (Array.isArray(asked?.kept)) fine.kept = asked.kept.slice(0, 20).map((one) => ({ name: String(one?.name ?? "").slice(0, 60), setting: setting(one), shown: one?.shown !== false }));
  return fine;
}

// ---- the page

class Page {
  constructor(model, draws, runs) {
    Object.assign(this, { model, draws, runs, times: model.time.values, at: model.time.values.length - 1, setting: plainSetting(), kept: [], base: null, now: null, count: 0 });
    this.charts = model.outputs.map((_, place) => new Chart(this, place));
    byId("charts").append(...this.charts.map((one) => one.element));
    this.sliders = model.inputs.filter((one) => one.shown).map((one) => new Slider(this, one));
    this.curves = model.curves.map((one) => new Curve(this, one));
    this.places = new Map([...model.outputs.map((one) => one.name), ...model.beside].map((name, place) => [name, place]));
    this.pictures = new Pictures(this);
    this.lay();
    const range = byId("moment");
    range.max = this.times.length - 1;
    range.oninput = () => this.look(Number(range.value));
    byId("reset").onclick = () => { this.setting = plainSetting(); this.moved(); };
    byId("keep").onsubmit = (event) => { event.preventDefault(); this.keep(byId("run-name").value.trim()); byId("run-name").value = ""; };
    byId("csv").onclick = () => save(`${model.title}.csv`, this.csv());
    byId("cin").onclick = () => save(`${model.title}.cin`, this.cin());
    byId("print").onclick = () => window.print();
    byId("copy").onclick = () => this.copy();
    byId("table-part").ontoggle = () => this.table();
    window.addEventListener("hashchange", () => { if (location.hash !== addressOf(this)) this.reopen(); });
    new ResizeObserver(() => this.draw()).observe(byId("charts"));
  }

  lay() {
    const groups = new Map();
    for (const one of this.sliders) groups.set(one.one.group, [...(groups.get(one.one.group) ?? []), one]);
    const parts = [...groups].flatMap(([group, some]) => [...(groups.size > 1 && group ? [made("h3", {}, named(group))] : []), ...some.map((one) => one.element)]);
    byId("sliders").append(...parts);
    byId("curves").append(...this.curves.map((one) => one.element));
    byId("curves-part").hidden = !this.curves.length;
  }

  changed() { return isChanged(this.setting); }

  // What is known of a variable at the moment read off: the median of an output, what a constant is set to.
  valueOf(name) {
    const place = this.places.get(name), slider = this.sliders.find((one) => one.one.name === name);
    if (place !== undefined) return this.now.median(place, this.at);
    return this.setting.values[name] ?? slider?.sampled?.middle ?? slider?.one.value ?? this.model.constants[name];
  }

  set(name, value) {
    if (value === undefined) delete this.setting.values[name]; else this.setting.values[name] = value;
    this.moved();
  }

  bend(name, ys) {
    if (ys === undefined) delete this.setting.curves[name]; else this.setting.curves[name] = ys;
    this.moved();
  }

  // Runs anew; `noted` in the address, which at the start is still to be read.
  async moved(noted = true) {
    this.say("");
    [...this.sliders, ...this.curves].forEach((one) => one.show());
    byId("reset").disabled = !this.changed();
    if (noted) this.remember();
    const asked = performance.now(), setting = structuredClone(this.setting);
    const result = await this.runs.ask(setting, (part) => { this.now = part; this.base ??= part; this.draw(); });
    if (!result) return;
    this.now = result;
    if (!isChanged(setting)) this.base = result;
    this.draw();
    this.count += 1;
    this.spent = performance.now() - asked;
    document.documentElement.dataset.moves = this.count;
    this.summary();
    if (byId("table-part").open) this.table();
  }

  summary() {
    clearTimeout(this.later);
    this.later = setTimeout(() => {
      const { runs, failed } = this.now, bad = failed ? ` ${failed} of ${runs} runs are not finite and left out.` : "";
      const first = this.charts[0];
      byId("bad").textContent = bad;
      byId("heard").textContent = `${this.changed() ? "Changed run" : "Base run"}. ${first.about.name} at ${moment(this.times[this.at])}: ${first.read.textContent}.${bad}`;
    }, 400);
  }

  say(text) { byId("status").textContent = text; }

  look(place) {
    this.at = Math.min(Math.max(place, 0), this.times.length - 1);
    byId("moment").value = this.at;
    const text = `${this.model.time.unit || "time"} ${moment(this.times[this.at])}`;
    byId("at").textContent = text;
    byId("moment").setAttribute("aria-valuetext", text);
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.charts.forEach((one) => one.draw());
      this.pictures.draw();
      this.key();
      if (this.now) document.documentElement.dataset.frame ??= Math.round(performance.now());
    });
  }

  key() {
    const bands = this.model.draws > 1, entries = [];
    const sign = (...parts) => drawn("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, ...parts);
    const stroke = (attributes) => sign(drawn("line", { x1: 1, x2: 33, y1: 6, y2: 6, ...attributes }));
    const box = (fill) => sign(drawn("rect", { x: 1, y: 1, width: 32, height: 10, fill }));
    entries.push([stroke({ stroke: BLUE.main, "stroke-width": 2.4 }), bands ? "this run, median" : "this run"]);
    if (bands) entries.push([box(BLUE.core), "middle 50% of samples"], [box(BLUE.band), "middle 90%"]);
    if (this.changed()) entries.push([stroke({ stroke: "#5b6672", "stroke-width": 1.6, "stroke-dasharray": "4 3" }), bands ? "base run, median" : "base run"]);
    for (const one of this.kept) if (one.shown) entries.push([stroke({ stroke: one.colour, "stroke-width": 1.8, "stroke-dasharray": one.dash }), named(one.name)]);
    if (this.model.outputs.some((one) => one.observed)) entries.push([sign(drawn("circle", { cx: 17, cy: 6, r: 3.2, fill: "#fff", stroke: INK })), "observed"]);
    byId("key").replaceChildren(...entries.map((parts) => made("li", {}, ...parts)));
  }

  remember() {
    clearTimeout(this.noting);
    this.noting = setTimeout(() => history.replaceState(null, "", addressOf(this) || location.pathname + location.search), 400);
  }

  async copy() {
    history.replaceState(null, "", addressOf(this) || location.pathname + location.search);
    try {
      await navigator.clipboard.writeText(location.href);
      this.say("The address is copied.");
    } catch {
      this.say("This browser does not let the page copy: please copy the address from the address bar.");
    }
  }

  async reopen() {
    const asked = read(this.model, location.hash);
    this.setting = asked.setting;
    this.kept = [];
    asked.kept.forEach((one) => this.add(one.name, one.setting, one.shown));
    await this.moved();
    if (asked.wrong.length) this.say(`Of the address, this page leaves out: ${asked.wrong.join("; ")}.`);
  }

  keep(name) {
    this.add(name, structuredClone(this.setting), true);
    this.remember();
  }

  add(name, setting, shown) {
    const free = DASHES.findIndex((dash) => !this.kept.some((one) => one.dash === dash)), place = free < 0 ? this.kept.length % DASHES.length : free;
    const one = { name: name || `Run ${this.kept.length + 1}`, setting, shown, dash: DASHES[place], colour: COLOURS[place], result: null };
    this.kept.push(one);
    this.list();
    this.runs.ask(setting).then(({ median: _, ...result }) => { one.result = result; this.draw(); if (byId("table-part").open) this.table(); }, refuse);
  }

  list() {
    byId("kept").replaceChildren(...this.kept.map((one, i) => {
      const show = made("input", { type: "checkbox", checked: one.shown, id: `k${i}` });
      show.onchange = () => { one.shown = show.checked; this.remember(); this.draw(); };
      const load = made("button", { type: "button", ariaLabel: `Set everything as in ${one.name}` }, "Set so"), drop = made("button", { type: "button", ariaLabel: `Forget ${one.name}` }, "Forget");
      load.onclick = () => { this.setting = structuredClone(one.setting); this.moved(); };
      drop.onclick = () => { this.kept.splice(i, 1); this.list(); this.remember(); this.draw(); };
      const sign = drawn("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, drawn("line", { x1: 1, x2: 33, y1: 6, y2: 6, stroke: one.colour, "stroke-width": 2, "stroke-dasharray": one.dash }));
      return made("li", {}, show, made("label", { htmlFor: `k${i}` }, sign, " ", named(one.name)), load, drop, made("span", { className: "quiet" }, named(this.words(one.setting))));
    }));
  }

  words({ values, curves }) {
    const parts = [...Object.entries(values).map(([name, value]) => `${name} = ${told(value)}`), ...Object.keys(curves).map((name) => `curve of ${name}`)];
    return parts.join(", ") || "as the base run";
  }

  results() {
    const own = this.now && this.changed() ? [["this run", this.now]] : [];
    return [["base run", this.base], ...own, ...this.kept.map((one) => [one.name, one.result])].filter(([, result]) => result);
  }

  csv() {
    const cell = (text) => `"${String(text).replace(/^(?=[=+\-@\t\r])/, "'").replaceAll('"', '""')}"`;
    const lines = ["run,variable,unit,time,p5,p25,median,p75,p95"];
    for (const [name, result] of this.results())
      this.model.outputs.forEach((one, place) => this.times.forEach((time, i) => lines.push([cell(name), cell(one.name), cell(one.unit), time, ...result.found[place].map((values) => values[i])].join(","))));
    return `\ufeff${lines.join("\r\n")}\r\n`;
  }

  // Vensim's changes file: the engine takes it as --changes
  cin() {
    const lines = Object.entries(this.setting.values).map(([name, value]) => `${name} = ${value}`);
    for (const [name, ys] of Object.entries(this.setting.curves)) {
      const { xs } = this.model.curves.find((one) => one.name === name);
      lines.push(`${name}(${xs.map((x, i) => `(${x},${ys[i]})`).join(",")})`);
    }
    return `${lines.join("\n")}\n`;
  }

  table() {
    if (!byId("table-part").open || !this.now) return;
    const step = Math.max(1, Math.ceil(this.times.length / 24)), rows = this.times.map((_, i) => i).filter((i) => i % step === 0 || i === this.times.length - 1);
    const head = made("tr", {}, made("th", { scope: "col" }, this.model.time.unit || "Time"), ...this.model.outputs.map((one) => made("th", { scope: "col" }, named(one.name), made("br"), unitOf(one))));
    const cell = (place, i) => {
      const own = this.now.found[place];
      return made("td", {}, told(own[2][i]), ...(this.model.draws > 1 ? [made("br"), made("span", { className: "quiet" }, `${told(own[0][i], 3)} to ${told(own[4][i], 3)}`)] : []));
    };
    const body = rows.map((i) => made("tr", {}, made("th", { scope: "row" }, moment(this.times[i])), ...this.model.outputs.map((_, place) => cell(place, i))));
    byId("table").replaceChildren(made("caption", {}, this.model.draws > 1 ? "This run: median, and 5% to 95% of samples" : "This run"), made("thead", {}, head), made("tbody", {}, ...body));
  }
}

function describe(model, note) {
  const { origin, left } = model, bands = model.draws > 1;
  document.title = byId("title").textContent = model.title;
  byId("lede").textContent = `Move a slider and the model runs again, here in your browser. ${bands ? `The line is the median of ${model.draws} samples of what is not known for certain, the bands hold 50% and 90% of them.` : "The line is one run of the model."} The base run stays as a dashed line.`;
  const some = (count, what) => (count > 0 ? ` ${count} more ${what} of the model stay as they are.` : "");
  byId("sliders-note").textContent = (model.samples.length ? "What you move is set for all samples alike; the rest stays as sampled." : "") + some(left.sliders, "constants");
  byId("curves-note").textContent = `Drag a point up or down, or type its value.${some(left.curves, "curves")}`;
  const taken = model.given > model.draws ? ` (${model.draws} of ${model.given}, evenly taken)` : "";
  const lines = [
    `Model: ${origin.file}, ${origin.method}, time step ${origin.step} ${model.time.unit}, equations sha256 ${origin.equations}.`,
    `Made with stockflow ${origin.version}. The page runs the engine's own compiled code; nothing leaves your computer. Computed by ${note}.`,
    bands ? `Samples: ${model.samples.join(", ")}${taken}, rounded to 32-bit numbers. Quantiles lie between neighbours on a straight line (definition 7 of Hyndman and Fan); runs that are not finite are left out and counted.` : "",
    "Random functions, if the model has any, take seed 0. A band shows what follows from the samples, not all that is unknown.",
  ];
  byId("about").replaceChildren(...lines.filter(Boolean).map((line) => made("p", {}, line)));
}

function refuse(error) {
  byId("alert").textContent = `This page cannot run the model: ${error.message}.`;
  byId("alert").hidden = false;
}

async function main() {
  const model = JSON.parse(byId("model").textContent);
  document.title = byId("title").textContent = model.title;
  if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly, or has it switched off; another browser, or another setting, will do");
  if (typeof DecompressionStream !== "function") throw new Error("this browser is too old to unpack it (it needs one of 2023 or later)");
  const texts = { module: byId("module").textContent, table: byId("table-bytes").textContent, draws: byId("draws").textContent };
  const { runs, note } = await start(model, texts);
  describe(model, note);
  byId("main").hidden = false;
  const page = new Page(model, runs.data.draws, runs);
  window.stockflowPage = page;
  page.look(page.at);
  await page.moved(false);
  if (location.hash.length > 1) await page.reopen();
}

if (typeof document !== "undefined") main().catch(refuse);
