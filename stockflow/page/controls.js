// What a reader takes hold of: sliders, curves, and the picture of stocks and flows.

const POSITIONS = 200;

// As many digits as tell one position from the next.
function rounded(value, low, high) {
  const most = Math.max(Math.abs(low), Math.abs(high)), digits = 4 + Math.floor(Math.log10(most / (high - low)));
  return Number(value.toPrecision(Math.min(Math.max(digits, 4), 15)));
}

// Logarithmic where a value of the model would else lie within the lowest tenth of a wide range.
function scaleFor(one) {
  const logarithmic = one.low > 0 && one.high / one.low > 100 && one.value < one.low + 0.1 * (one.high - one.low);
  const to = (value) => (logarithmic ? Math.log(value / one.low) / Math.log(one.high / one.low) : (value - one.low) / (one.high - one.low));
  const from = (share) => (logarithmic ? one.low * (one.high / one.low) ** share : one.low + share * (one.high - one.low));
  const limit = (value) => Math.min(Math.max(value, one.low), one.high);
  return {
    logarithmic,
    position: (value) => Math.round(POSITIONS * Math.min(Math.max(to(value), 0), 1)),
    value: (place) => (place <= 0 ? one.low : place >= POSITIONS ? one.high : limit(logarithmic ? Number(from(place / POSITIONS).toPrecision(4)) : rounded(from(place / POSITIONS), one.low, one.high))),
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
    this.back.onclick = () => { page.set(one.name, undefined); this.range.focus(); };  // the button can then not keep it
    const rule = `${one.rule}${this.scale.logarithmic ? "; logarithmic" : ""}. Base: ${this.usual()} ${unit}.`;
    const note = made("details", {}, unfold(one.name, `${told(one.low, 3)} to ${told(one.high, 3)} \u00b7 what is this?`), made("p", { className: "quiet", dir: "auto" }, one.note), made("p", { className: "quiet" }, rule[0].toUpperCase() + rule.slice(1)));
    const label = made("label", { htmlFor: id }, named(one.name), " ", inUnit(one));
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
    if (document.activeElement !== this.field || !this.field.validity.valid || Number(this.field.value) !== (value ?? usual)) {
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
    const table = made("table", {}, made("thead", {}, made("tr", {}, made("th", { scope: "col" }, named(of)), made("th", { scope: "col" }, inUnit(one)))), made("tbody", {}, ...rows));
    const note = made("details", {}, unfold(one.name, "Points \u00b7 what is this?"), made("p", { className: "quiet", dir: "auto" }, one.note), table);
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
    const [least, most] = this.one.limits, value = rounded(held.low + share * (held.high - held.low), held.low, held.high);
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
    const line = (values, attributes) => parts.push(drawn("path", { d: one.steps ? stairs(one.xs, values, x, y) : path(one.xs.map((at) => tenth(x(at))), values, y), fill: "none", ...attributes }));
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
    Object.assign(whole.style, { maxWidth: `${width}px`, minWidth: `${0.85 * width}px` });  // words stay large enough to read
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

