// What is set: support held against, the draws that count, and instruments; and the address that holds it.

const NUMBERS = ["level", "since", "steps", "share", "cost", "volume", "start", "length", "floor", "announced"], THIRDS = ["weak", "middle", "strong"];
const KEYS = ["base", "world", "third", "instruments", "lang"];
const shapesOf = ({ shapes }) => ["", ...Object.keys(shapes), "steps"], triggersOf = ({ triggers }) => ["", ...triggers.map(({ name }) => name)];
const isPlain = (one) => typeof one === "object" && one !== null && !Array.isArray(one);

// `asked` are the fields of every instrument that was touched, changed or not; `instruments` those that change anything, with
// ends that are over in time: what is run.
class Setting {
  constructor(policy, languages = []) {
    Object.assign(this, { policy, languages, lang: null, ...this.plain(policy) });
  }

  plain({ bases, worlds } = this.policy) { return { base: bases[0], world: worlds[0].name, third: "all", asked: {}, instruments: {} }; }

  get now() { const { base, world, third, instruments } = this; return structuredClone({ base, world, third, instruments }); }

  // What is set with all lengths as they were asked for.
  get whole() {
    const instruments = Object.fromEntries(Object.keys(this.instruments).map((name) => [name, this.of(name)]));
    return structuredClone({ ...this.now, instruments });
  }

  get changed() { return Object.keys(this.instruments).length > 0; }

  usual() {
    const { since, usual, length, fields } = this.policy;
    return { level: 100, since, shape: "", ...fields, when: "", start: usual, length, announced: 0 };
  }

  of(name) { return this.asked[name] ?? this.usual(); }

  set(name, change) {
    const one = { ...this.of(name), ...change };
    this.asked[name] = one;
    if (isUsual(one)) delete this.instruments[name]; else this.instruments[name] = this.inTime(one);
  }

  inTime(one) {
    const { over } = this.policy;
    return overBy(this.policy, one) > over ? { ...one, length: over - one.start } : { ...one };
  }

  // Instruments whose ends take longer than runs last.
  get shortened() {
    return Object.entries(this.instruments).filter(([name, one]) => one.length < this.of(name).length).map(([name]) => name);
  }

  clear() { Object.assign(this, { asked: {}, instruments: {} }); }

  begin({ base, set }) {
    Object.assign(this, { base, world: this.policy.worlds[0].name });
    this.clear();
    for (const [name, one] of Object.entries(set)) this.set(name, one);
  }

  // Places of the draws that count.
  draws() {
    const place = THIRDS.indexOf(this.third);
    return this.policy.third.flatMap((third, i) => (place < 0 || third === place ? [i] : []));
  }

  // What is set of an instrument that is not so by itself.
  short(one) { const usual = this.usual(); return Object.fromEntries(Object.entries(one).filter(([key, value]) => value !== usual[key])); }

  address({ instruments: all, ...set } = this.now) {
    const instruments = Object.fromEntries(Object.entries(all).map(([name, one]) => [name, this.short(one)]));
    const usual = this.plain(), { base, world, third } = set, own = this.lang ? { lang: this.lang } : {};
    const expected = world === usual.world, bare = base === usual.base && expected && third === usual.third && !Object.keys(instruments).length;
    if (bare && !this.lang) return "";
    return `#${encodeURIComponent(JSON.stringify(bare ? own : { base, ...(expected ? {} : { world }), third, instruments, ...own }))}`;
  }

  // Takes what an address asks for, as far as this page has it; returns which instruments it does not take as they are
  // asked for, and how much else it does not know.
  read(hash) {
    const wrong = { names: [], others: 0 }, { policy } = this, take = (key, value, known) => {
      if (known.includes(value)) this[key] = value; else if (value !== undefined) wrong.others += 1;
    };
    let asked = {};
    if (hash.length > 1) try { asked = JSON.parse(decodeURIComponent(hash.slice(1))); } catch { asked = null; }
    Object.assign(this, this.plain(), { lang: null });
    if (!isPlain(asked)) return { ...wrong, others: 1 };
    wrong.others += Object.keys(asked).filter((key) => !KEYS.includes(key)).length;
    take("base", asked.base, policy.bases);
    take("world", asked.world, [...policy.worlds.map(({ name }) => name), this.ownWorld(asked.world)]);
    take("third", asked.third, ["all", ...THIRDS]);
    take("lang", asked.lang, this.languages);
    if (asked.instruments !== undefined && !isPlain(asked.instruments)) wrong.others += 1;
    else for (const [name, one] of Object.entries(asked.instruments ?? {})) {
      const known = policy.instruments.some((other) => other.name === name), fine = known && this.fine(one);
      if (fine) this.set(name, fine); else if (known) wrong.names.push(name); else wrong.others += 1;
    }
    return wrong;
  }

  // A world of one's own as an address has it; null where fields would not take it.
  ownWorld(asked) {
    if (typeof asked !== "string" || !asked.startsWith(`${OWN} `)) return null;
    const { policy } = this, [low, high, step] = policy.limits.world, parts = asked.split(" ").slice(1).map(Number);
    const fine = parts.length === scaledOf(policy).length && parts.every((one) => one >= low && one <= high && Number.isInteger(one / step));
    return fine && worldNamed(policy, parts) === asked ? asked : null;
  }

  // What an address has of one instrument; null where a field would not take it.
  fine(one) {
    const { limits, over } = this.policy, fine = this.usual(), choices = { shape: shapesOf(this.policy), when: triggersOf(this.policy) };
    if (!isPlain(one) || Object.keys(one).some((key) => !(key in fine))) return null;
    for (const [key, known] of Object.entries(choices)) {
      fine[key] = one[key] === undefined ? "" : one[key];
      if (!known.includes(fine[key])) return null;
    }
    for (const key of NUMBERS) {
      const [low, high, step] = limits[key], value = one[key] === undefined ? fine[key] : one[key];
      if (typeof value !== "number" || !(value >= low && value <= high) || !Number.isInteger(value / step)) return null;
      fine[key] = value;
    }
    return overBy(this.policy, fine) <= over ? fine : null;
  }

  // The command that says the same; else why there is none, as a key of words.
  command({ base, world, third, instruments }, draws) {
    const { policy } = this, set = Object.entries(instruments), ends = set.filter(([, one]) => one.shape), [, first] = ends[0] ?? [];
    if (world !== policy.worlds[0].name) return { none: "none world" };
    if (third !== "all") return { none: "none third" };
    if (!ends.length) return { none: set.length ? "none levels" : "none set" };
    if (set.some(([, one]) => one.level !== 100)) return { none: "none levels" };
    if (ends.some(([, one]) => one.when)) return { none: "none waits" };
    if (ends.some(([, one]) => one.floor)) return { none: "none floor" };
    if (ends.some(([, one]) => one.shape === "steps")) return { none: "none steps" };
    const sloped = isSloped(policy, first), keys = ["shape", "start", ...(sloped ? ["length"] : [])];
    const told = ends.filter(([name]) => policy.instruments.find((one) => one.name === name).announced).map(([, one]) => one.announced);
    if (!ends.every(([, one]) => keys.every((key) => one[key] === first[key])) || new Set(told).size > 1) return { none: "none" };
    const length = sloped ? ` --length ${first.length}` : "", ahead = told[0] ? ` --announced ${told[0]}` : "";
    const which = ends.map(([name]) => ` --instrument "${name}"`).join(""), shape = ` --start ${first.start} --shape ${first.shape}`;
    return { said: `techcycle exit ${policy.case}${which}${shape}${length}${ahead} --against ${base} --draws ${draws}` };
  }
}
