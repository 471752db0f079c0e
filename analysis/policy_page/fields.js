// The fields of a page: what is held against what, and of each instrument its level, its end and its path.

class Fields {
  constructor(page) {
    this.page = page;
  }

  say(key, fields) { return this.page.say(key, fields); }

  choice(key, options, chosen, change) {
    const select = made("select", {}, ...options.map(([value, text]) => made("option", { value }, text)));
    select.value = chosen;
    select.onchange = () => change(select.value);
    return [made("label", {}, made("span", {}, this.say(key)), select), select];
  }

  lay() {
    const { page } = this, { words, policy, setting } = page, named = (keys) => keys.map((one) => [one, this.say(one)]);
    const [base, own] = this.choice("against", named(policy.bases), setting.base, (value) => { setting.base = value; page.moved(); });
    const worlds = [...policy.worlds.map(({ name }) => [name, words.worlds[name].name]), [OWN, this.say("own world")]];
    const [world, chosen] = this.choice("world", worlds, setting.world, (value) => {
      byId("own").open ||= value === OWN;
      if (value !== OWN) setting.world = value;
      page.moved();
    });
    byId("own-head").textContent = this.say("own head");
    this.scales = scaledOf(policy).map((one, i) => this.scale(one, i));
    byId("scales").replaceChildren(...this.scales.flatMap(({ row }) => row));
    const [third, thirds] = this.choice("buyers", named(["all", ...THIRDS]), setting.third, (value) => {
      setting.third = value;
      page.sifted();
    });
    const shipped = [["", this.say("choose")], ...words.presets.map(({ title }, i) => [i, title])];
    const [preset, presets] = this.choice("preset", shipped, "", (value) => {
      if (value === "") { this.show(); return; }
      setting.begin(words.presets[value]);
      page.moved();
      page.tell("begun", () => ({ title: page.words.presets[value].title, base: this.say(setting.base), world: page.worldWords(setting.world).name }));
    });
    this.shipped = words.presets.map((one) => {
      const begun = new Setting(policy);
      begun.begin(one);
      return { ...begun.now, third: null };
    });
    this.reset = made("button", { type: "button", id: "reset" }, this.say("reset"));
    this.reset.onclick = () => { setting.clear(); page.moved(); };
    this.selects = { base: own, world: chosen, third: thirds, preset: presets };
    byId("asked").replaceChildren(base, world, third, preset, this.reset);
    this.parts = policy.instruments.map((one) => this.instrument(one));
    const placed = (buyers) => this.parts.filter((_, i) => policy.instruments[i].buyers === buyers).map((one) => one.element);
    byId("market").replaceChildren(...placed(true));
    byId("other").replaceChildren(...placed(false));
    byId("rest").hidden = !byId("other").children.length;
  }

  // What the drivers of a world end at, percent of what is expected.
  scale({ name }, i) {
    const { page } = this, { setting, policy } = page, [low, high, step] = policy.limits.world, label = this.say("scale", page.words.worlds[name]);
    const fields = ["range", "number"].map((type) => made("input", { type, id: `w${i}-${type}`, min: low, max: high, step, ariaLabel: label }));
    for (const one of fields) one.oninput = () => {
      if (one.value === "" || !one.validity.valid) return;
      setting.world = worldNamed(policy, partsOf(policy, setting.world).map((part, k) => (k === i ? Number(one.value) : part)));
      page.moved();
    };
    fields[1].onchange = () => {
      if (fields[1].value !== "" && fields[1].validity.valid) return;
      page.tell("number", () => ({ name: this.say("scale", page.words.worlds[name]), low, high, step }));
      this.show();
    };
    return { row: [made("label", { htmlFor: `w${i}-number` }, label), ...fields], fields };
  }

  // What a field of an instrument is called; a year from which on something is waited for is no start.
  label(key, one) {
    const { words, policy } = this.page, named = key in policy.fields ? `field ${key}` : key;
    return this.say(key === "start" && waits(one) ? "not before" : named, { unit: words.counted });
  }

  // A number with its label: a row of elements, and the fields that hold it.
  number(about, place, key, range) {
    const { page } = this, { name } = about, [low, high, step] = page.policy.limits[key], id = `i${place}-${key}`, label = this.label(key);
    const spoken = () => this.say("named", { name: page.words.instruments[name], text: this.label(key, page.setting.of(name)) });
    const field = made("input", { type: "number", id, min: low, max: high, step, ariaLabel: spoken() });
    field.oninput = () => { if (field.value !== "" && field.validity.valid) page.set(name, { [key]: Number(field.value) }); };
    field.onchange = () => {
      if (field.value !== "" && field.validity.valid) return;
      page.tell("number", () => ({ name: spoken(), low, high, step }));
      this.show();
    };
    const row = [made("label", { htmlFor: id, className: range ? "" : "short" }, label), field];
    if (!range) { field.className = "one"; return { row, fields: [field] }; }
    const slider = made("input", { type: "range", min: low, max: high, step, ariaLabel: spoken() });
    slider.oninput = () => page.set(name, { [key]: Number(slider.value) });
    row.splice(1, 0, slider);
    return { row, fields: [field, slider] };
  }

  instrument(about) {
    const { page } = this, { words, policy } = page, { name } = about, place = policy.instruments.indexOf(about);
    const ranged = (key) => ["level", "share", "cost", "volume", "start", "length"].includes(key), { corners: [, [, left]] } = policy.shapes.exponential;
    const parts = Object.fromEntries(NUMBERS.map((key) => [key, this.number(about, place, key, ranged(key))]));
    const chosen = (of, all, none) => {
      const select = made("select", { id: `i${place}-${of}` }, ...all.map((one) => made("option", { value: one }, this.say(one || none, { left: percent(left, 0) }))));
      select.onchange = () => page.set(name, { [of]: select.value });
      return [made("label", { htmlFor: select.id }, this.say(of)), select];
    };
    const shape = chosen("shape", shapesOf(policy), "never"), when = chosen("when", triggersOf(policy), "dated");
    const spoken = this.say("named", { name: words.instruments[name], text: this.say("paths") });
    const picture = drawn("svg", { role: "img", viewBox: "0 0 390 96", "aria-label": spoken }), { level, since, steps, ...ends } = parts, rows = (some) => some.flatMap(({ row }) => row);
    const fields = made("div", { className: "fields" }, ...rows([level, since]), ...shape, ...rows([steps]), ...when, ...rows(Object.values(ends)));
    const element = made("fieldset", {}, made("legend", {}, page.capital(words.instruments[name])),
      made("p", { className: "quiet" }, words.words[name]),
      made("div", { className: "path" }, picture), fields);
    let pictured = "";
    const show = () => {
      const one = page.setting.of(name), awaited = waits(one) ? triggerOf(policy, one).field : "";
      element.classList.toggle("changed", !isUsual(one));
      for (const [key, [, select]] of [["shape", shape], ["when", when]]) select.value = one[key];
      for (const part of when) part.hidden = !one.shape;
      ends.start.row[0].textContent = this.label("start", one);
      for (const key of NUMBERS) for (const field of parts[key].fields) {
        if (field !== document.activeElement || field.type === "range" || Number(field.value) !== one[key]) field.value = one[key];
        if (field.type === "range") field.setAttribute("aria-valuetext", String(one[key]));
      }
      const shown = { level: true, since: one.level !== 100, steps: one.shape === "steps", start: one.shape, length: isSloped(policy, one), [awaited]: true, floor: one.shape, announced: one.shape && about.announced };
      for (const key of NUMBERS) for (const part of parts[key].row) part.hidden = !shown[key];
      if (!about.buyers && !isUsual(one)) byId("rest").open = true;
      const set = this.drawnAs(name), seen = JSON.stringify([set ?? null, page.setting.base, page.setting.world]);
      if (seen !== pictured) this.picture(picture, about, set);
      pictured = seen;
    };
    return { element, show };
  }

  // What is drawn of an instrument: an end that waits begins in the year of the median draw, once that is known.
  drawnAs(name) {
    const { page } = this, one = page.setting.instruments[name], began = page.busy ? null : page.answer?.began.find((other) => other.name === name);
    return waits(one) ? { ...one, start: began ? spreadOf(began.years)[2] : Infinity } : one;
  }

  // What is paid over time, and dashed what is on the path held against.
  picture(svg, about, one) {
    const { policy, setting, words } = this.page, { times } = policy, { factor, unit } = words.units[about.name];
    const some = [...times.keys()].filter((i) => i % 2 === 0 && times[i] <= policy.horizon), at = some.map((i) => times[i]);
    const pick = (values) => some.map((i) => values[i] * factor);
    const { full, low } = paidOf(about, setting).now, floor = low && words.floors[about.name] ? pick(low) : null;
    // who is given less than the floor has the floor: what is above it is the support
    const above = (values) => (floor ? values.map((value, i) => Math.max(value, floor[i])) : values);
    const own = above(pick(pathsOf(policy, about, setting, one).now)), usual = above(pick(full));
    const { x, y, parts, text, box } = frame(0, span([own, usual])[1], at, 390, 96, unit, 2, false), xs = at.map((time) => tenth(x(time)));
    across(at, 5, x, box, parts, text);
    parts.push(drawn("path", { d: path(xs, usual, y), fill: "none", ...DASHED }));
    parts.push(drawn("path", { d: path(xs, own, y), fill: "none", stroke: BLUE.main, "stroke-width": 2 }));
    if (floor) {
      parts.push(drawn("path", { d: path(xs, floor, y), fill: "none", stroke: INK, "stroke-dasharray": "1 3" }));
      parts.push(text(this.say("floor", { floor: words.floors[about.name] }), { x: box.right, y: 12, "text-anchor": "end" }));
    }
    svg.replaceChildren(...parts);
  }

  show() {
    const { setting, policy, words } = this.page;
    this.parts.forEach((one) => one.show());
    this.selects.base.value = setting.base;
    const { name, departs } = worldOf(this.page.model, setting.world), about = this.page.worldWords(name), parts = partsOf(policy, name);
    this.selects.world.value = words.worlds[name] ? name : OWN;
    byId("own").open ||= !words.worlds[name];
    this.scales.forEach(({ fields }, i) => { for (const one of fields) if (one !== document.activeElement || Number(one.value) !== parts[i]) one.value = parts[i]; });
    byId("world").textContent = departs === null ? "" : this.say("world says", { ...about, departs: moment(departs) });
    const now = JSON.stringify({ ...setting.now, third: null }), place = this.shipped.findIndex((one) => JSON.stringify(one) === now);
    this.selects.preset.value = place < 0 ? "" : place;
    this.selects.third.value = setting.third;
    this.reset.disabled = !setting.changed;
  }
}
