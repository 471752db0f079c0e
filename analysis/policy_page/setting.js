// What is set: support held against, the draws that count, and instruments; and the address that holds it.

const NUMBERS = ["level", "since", "start", "length", "announced"], THIRDS = ["weak", "middle", "strong"];

class Setting {
  constructor(policy) {
    Object.assign(this, { policy, ...this.plain(policy) });
  }

  plain({ bases } = this.policy) { return { base: bases[0], third: "all", instruments: {} }; }

  get now() { const { base, third, instruments } = this; return structuredClone({ base, third, instruments }); }

  get changed() { return Object.keys(this.instruments).length > 0; }

  usual() {
    const { since, usual, length } = this.policy;
    return { level: 100, since, shape: "", start: usual, length, announced: 0 };
  }

  of(name) { return this.instruments[name] ?? this.usual(); }

  set(name, change) {
    const one = { ...this.of(name), ...change }, { over } = this.policy;
    if (overBy(this.policy, one) > over) one.length = over - one.start;
    if (isUsual(one)) delete this.instruments[name]; else this.instruments[name] = one;
  }

  begin({ base, set }) {
    this.base = base;
    this.instruments = Object.fromEntries(Object.entries(set).map(([name, one]) => [name, { ...this.usual(), ...one }]));
  }

  // Places of the draws that count.
  draws() {
    const place = THIRDS.indexOf(this.third);
    return this.policy.third.flatMap((third, i) => (place < 0 || third === place ? [i] : []));
  }

  address() {
    const usual = this.plain();
    if (this.base === usual.base && this.third === usual.third && !this.changed) return "";
    return `#${encodeURIComponent(JSON.stringify(this.now))}`;
  }

  // Takes what an address asks for, as far as this page has it; returns what it has not.
  read(hash) {
    const wrong = [], { policy } = this;
    let asked = {};
    if (hash.length > 1) try { asked = JSON.parse(decodeURIComponent(hash.slice(1))) ?? {}; } catch { wrong.push("#"); }
    Object.assign(this, this.plain());
    if (policy.bases.includes(asked.base)) this.base = asked.base; else if (asked.base !== undefined) wrong.push(String(asked.base));
    if (["all", ...THIRDS].includes(asked.third)) this.third = asked.third;
    for (const [name, one] of Object.entries(asked.instruments ?? {})) {
      const fine = policy.instruments.some((other) => other.name === name) && this.fine(one);
      if (!fine) wrong.push(name); else if (!isUsual(fine)) this.instruments[name] = fine;
    }
    return wrong;
  }

  // What an address has of one instrument; null where a field would not take it.
  fine(one) {
    const { limits, shapes, over } = this.policy, fine = this.usual();
    if (!one || !["", ...Object.keys(shapes)].includes(one.shape ?? "")) return null;
    fine.shape = one.shape ?? "";
    for (const key of NUMBERS) {
      const [low, high, step] = limits[key], value = one[key] ?? fine[key];
      if (typeof value !== "number" || !(value >= low && value <= high) || !(key === "level" || Number.isInteger(value / step))) return null;
      fine[key] = value;
    }
    return overBy(this.policy, fine) <= over ? fine : null;
  }

  // The command that says the same; null where no single one does.
  command(draws) {
    const set = Object.entries(this.instruments), ends = set.filter(([, one]) => one.shape), [, first] = ends[0] ?? [];
    const alike = ([, one]) => one.level === 100 && ["shape", "start", "length", "announced"].every((key) => one[key] === first[key]);
    if (!ends.length || ends.length < set.length || !set.every(alike)) return null;
    const length = this.policy.shapes[first.shape].length > 1 ? ` --length ${first.length}` : "", ahead = first.announced ? ` --announced ${first.announced}` : "";
    const which = ends.map(([name]) => ` --instrument "${name}"`).join("");
    return `techcycle exit ${this.policy.case}${which} --start ${first.start} --shape ${first.shape}${length}${ahead} --against ${this.base} --draws ${draws}`;
  }
}
