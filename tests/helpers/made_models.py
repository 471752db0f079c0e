"""Model files made at random by the grammar of their format, to find what is neither read nor refused.

    python tests/helpers/made_models.py mdl|xmile SECONDS [SEED]

Half of the files are changed afterwards: a word is left out, said twice or put elsewhere.  Every file must be read and
run, or refused in one line, within ten seconds of processor time and a gigabyte; the first that is not is printed.
"""

from __future__ import annotations

import random
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import stockflow
from stockflow import InputError
from stockflow.language.functions import dialects

SECONDS, MEGABYTES = 10, 1000
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_RANGES = {"r": ("a", "b"), "q": ("a", "c", "d"), "n": ("n1", "n2", "n3")}
_SPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"


# functions whose arguments are single numbers
_SINGLE = (
    *(
        "abs",
        "exp",
        "ln",
        "sqrt",
        "sin",
        "min",
        "max",
        "step",
        "ramp",
        "delay1",
        "delay3",
        "smth1",
        "smooth",
        "smooth3",
    ),
    *(
        "trend",
        "zidz",
        "xidz",
        "if then else",
        "random uniform",
        "previous",
        "init",
        "initial",
        "round",
        "int",
        "modulo",
    ),
    *("delay fixed", "delay", "delay n", "delayn", "sample if true", "forecast", "npv", "pulse", "sign", "quantum"),
)


_HOLDERS = (
    "<conveyor><len>2</len></conveyor>",
    "<conveyor><len>1+TIME</len><capacity>3</capacity><arrest>TIME = 1</arrest></conveyor>",
    "<oven><len>1</len><capacity>3</capacity></oven>",
)


class Maker:
    """Draws the parts of one file; `functions` are those of its format."""

    def __init__(self, seed: int, xmile: bool) -> None:
        self.draw = random.Random(seed)
        self.xmile = xmile
        self.functions = dialects.XMILE if xmile else dialects.VENSIM
        self.single = [one for one in _SINGLE if one in self.functions and not (xmile and one == "if then else")]
        self.arrays = {f"v{one}": self._ranges() for one in range(self.draw.randint(1, 9))}
        # how often something is drawn that can only be refused, by chance
        self.odd = self.draw.choice((0.0, 0.0, 0.01, 0.1))
        self.left: tuple[str, ...] = ()
        self.known: list[str] = []

    def _ranges(self) -> tuple[str, ...]:
        return tuple(self.draw.sample(list(_RANGES), self.draw.choice((0, 0, 1, 1, 2))))

    def strange(self) -> bool:
        """Say whether to draw something odd here."""
        return self.draw.random() < self.odd

    def number(self) -> str:
        """Return a number, most of them small."""
        return self.draw.choice(("0", "1", "2", "0.5", "-1", "3", "1e3", "1e300", "-0", ".5", "100", "7e-9"))

    def named(self) -> str:
        """Return a variable that is known, with subscripts that the left side decides, or time."""
        if self.strange():
            return self.draw.choice(("f", "r", "a", "m", "nobody", "v0[a]", "v1[r!]", "v1[*]", "v0[r,q]"))
        if not self.known or self.draw.random() < 0.2:
            return "Time"
        name = self.draw.choice(self.known)
        inside = (self.subscript(one) for one in self.arrays[name])
        return name + (f"[{','.join(inside)}]" if self.arrays[name] else "")

    def subscript(self, name: str) -> str:
        """Return a range of the left side, an element of another, or in XMILE at times a place that is computed."""
        if self.xmile and self.draw.random() < 0.15:
            return self.draw.choice(("1", "TIME + 1", f"{name}.{_RANGES[name][0]}", f"{name} - 1", "INT(v0)", "v0[2]"))
        return name if name in self.left else self.draw.choice(_RANGES[name])

    def total(self) -> str:
        """Return the sum over an array."""
        arrays = [one for one in self.known if self.arrays[one]] or ["v0"]
        name = self.draw.choice(arrays)
        marked = ",".join("*" if self.xmile else f"{one}!" for one in self.arrays[name])
        return (
            f"{self.draw.choice(('SUM', 'SUM', 'MIN' if self.xmile else 'VMIN'))}({name}[{marked}])" if marked else "1"
        )

    def expression(self, depth: int = 0) -> str:
        """Return an expression: a number, a name, a sum or product, a choice or a call."""
        kind = self.draw.random() + 0.12 * depth
        if kind > 0.75:
            return self.number() if kind > 1.0 else self.named()
        if kind < 0.3:
            own = (" mod ", "//", " and ") if self.xmile else (":AND:", ":OR:")
            sign = self.draw.choice(("+", "+", "-", "*", "/", "^", "<", "=", "<>", *own))
            return f"({self.expression(depth + 1)}{sign}{self.expression(depth + 1)})"
        if self.xmile and kind < 0.36:
            parts = [self.expression(depth + 1) for _ in range(3)]
            return f"(IF {parts[0]} THEN {parts[1]} ELSE {parts[2]})"
        if kind < 0.42:
            return self.total()
        name = self.draw.choice(list(self.functions) if self.strange() else self.single)
        function = self.functions[name]
        count = self.draw.randint(function.least, min(function.most, function.least + 2)) + self.strange()
        arguments = [self.expression(depth + 1) for _ in range(count)]
        if name in {"delay n", "delayn"} and not self.strange():
            arguments[3 if name == "delay n" else 2] = "2"
        called = name.upper().replace(" ", "_") if self.xmile else name.upper()
        return f"{called}({', '.join(arguments)})"

    def points(self) -> str:
        """Return the points of a table, most of them in order."""
        xs = [1 if self.strange() else one for one in range(self.draw.randint(2, 15))]
        return ",".join(f"({x},{self.draw.choice((0, 1, 5, -2, 1e6))})" for x in xs)


def vensim(seed: int) -> str:
    """Return the text of a Vensim file."""
    made = Maker(seed, xmile=False)
    odd = (" -> n", " -> (q: a, c)") if made.strange() else ("",)
    lines = [f"{name}: {', '.join(inside)}{made.draw.choice(odd)}" for name, inside in _RANGES.items()]
    if made.draw.random() < 0.3:
        lines.append(
            f":MACRO: m(x, y)\nm= INTEG(x, {made.expression(2)})+z ~~|\nz= x*y ~~|\n:END OF MACRO:\nk= m(1, 2)"
        )
    for name, ranges in made.arrays.items():
        made.left = ranges
        left = name + (f"[{','.join(ranges)}]" if ranges else "")
        sort = made.draw.random()
        if sort < 0.3:
            made.known.append(name)
            lines.append(f"{left}= INTEG({made.expression()}, {made.number()})")
            continue
        if sort < 0.4 and ranges:
            first = _RANGES[ranges[0]][0]
            lines.append(f"{left} :EXCEPT: [{','.join((first, *ranges[1:]))}]= {made.expression()}")
            left = left.replace(ranges[0], first, 1)
        sign = made.draw.choice((":RAW::=", ":HOLD BACKWARD::=")) if made.strange() else "="
        lines.append(f"{left}{sign} {made.expression()}")
        made.known.append(name)
    lines.append(f"f({made.points()})\n~~|\nh((0,1),(1,3),(4,0))\n~~|\ny= f({made.number()})")
    lines.append(
        f"b= DELAY CONVEYOR({made.expression()}, 1, 0.1, {'f' if made.strange() else 'h'}, {made.number()}, 2)"
    )
    lines.append("d0:RAW::= GET DIRECT DATA('made.csv', ',', 'A', 'B2')")
    for one in range(1, 4):
        whole = f"d{one - 1}*{made.draw.choice((made.expression(2), f'd{one}')) if made.strange() else made.number()}"
        sign = made.draw.choice((":=", ":=", ":RAW::=", ":HOLD BACKWARD::=", ":LOOK FORWARD::="))
        lines.append(f"d{one}{sign} {made.draw.choice((whole, whole, f'X IF MISSING({whole}, 3)'))}")
    moving = made.expression() if made.draw.random() < 0.1 else "4"
    lines += ["INITIAL TIME= 0", f"FINAL TIME= {moving}", f"TIME STEP= {'v0' if made.strange() else '0.5'}"]
    lines.append("SAVEPER= TIME STEP")
    return "{UTF-8}\n" + "\n".join(f"{line} ~ {made.draw.choice(('Dmnl', 'a/b', '[0,?]'))} ~|" for line in lines)


def xmile(seed: int) -> str:
    """Return the text of an XMILE file."""
    made = Maker(seed, xmile=True)
    flows = [f"o{one}" for one in range(4)]
    more = [made.draw.choice(("", "", "<dimensions><dim name='n'/><dim name='r'/></dimensions>")) for _ in flows]
    parts = [
        f"<flow name='{one}'>{size}<eqn>{_escaped(made.expression(1))}</eqn></flow>"
        for one, size in zip(flows, more, strict=True)
    ]
    for name, ranges in made.arrays.items():
        made.left = ranges
        inside = "".join(f"<dim name='{one}'/>" for one in ranges)
        head = f"<dimensions>{inside}</dimensions>" if ranges else ""
        stock = made.draw.random() < 0.4
        text = f"<eqn>{_escaped(made.number() if stock else made.expression())}</eqn>"
        if stock:
            kinds = ("", "<non_negative/>", "<queue/>", *_HOLDERS)
            text += made.draw.choice(kinds[:2] if ranges else kinds)
            used = [flows.pop() for _ in range(made.draw.randint(0, min(2, len(flows))))] if not ranges else []
            text += "".join(f"<{way}>{one}</{way}>" for one, way in zip(used, ("outflow", "inflow"), strict=False))
        else:
            curve = f"<gf><xscale min='0' max='4'/><ypts>{','.join(made.number() for _ in range(3))}</ypts></gf>"
            text += made.draw.choice(("", "", "", curve, "<init_eqn>1</init_eqn>"))
        tag = "stock" if stock else "aux"
        parts.append(f"<{tag} name='{name}'>{head}{text}</{tag}>")
        made.known.append(name)
    made.left = ()
    parts.append("<module name='m'/>")
    dims = (
        f"<dim name='{name}'>{''.join(f'<elem name={one!r}/>' for one in inside)}</dim>"
        for name, inside in _RANGES.items()
    )
    method = made.draw.choice(("Euler", "Euler", "rk4", "rk2"))
    specs = f"<sim_specs method='{method}'><start>0</start><stop>4</stop><dt>0.5</dt></sim_specs>"
    inner = f"<aux name='x'><eqn>{made.number()}</eqn></aux>"
    return (
        f"<xmile version='1.0' xmlns='{_SPACE}'>{specs}<dimensions>{''.join(dims)}</dimensions>"
        f"<model><variables>{''.join(parts)}</variables></model>"
        f"<model name='m'><variables>{inner}</variables></model></xmile>"
    )


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


def shuffled(text: str, seed: int) -> str:
    """Return a text in which a few words are left out, said twice, or put elsewhere."""
    draw, words = random.Random(seed), _WORDS.findall(text)
    for _ in range(draw.randint(1, 3)):
        at, to = draw.randrange(len(words)), draw.randrange(len(words))
        words[at : at + draw.randint(0, 2)] = draw.choice(([], [words[at]] * 2, [words[to]]))
    return "".join(words)


def outcome(text: str, ending: str) -> str:
    """Read and run a file; return "run", "refused", or what is wrong with that."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"made.{ending}"
            path.write_text(text, encoding="utf-8")
            path.with_suffix(".csv").write_text("t,x\n0,1\n1,\n2,3\n4,-1\n", encoding="utf-8")
            stockflow.load(path).run()
    except InputError as error:
        return "refused" if len(str(error).splitlines()) == 1 else f"refused in several lines: {error}"
    except Exception as error:  # noqa: BLE001 -- whatever else is raised is what is looked for
        return f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "run"


def search(ending: str, seconds: float, seed: int = 0) -> tuple[dict[str, int], list[tuple[int, str]]]:
    """Try files for so long; return how many were run and refused, and what went wrong with which seed."""
    counts, wrong, end = {"run": 0, "refused": 0}, list[tuple[int, str]](), time.monotonic() + seconds
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + MEGABYTES * 1024  # beyond what this process took before
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while time.monotonic() < end:
            seed += 1
            text = (xmile if ending == "xmile" else vensim)(seed)
            found = outcome(shuffled(text, seed) if seed % 2 else text, ending)
            if found in counts:
                counts[found] += 1
            else:
                wrong.append((seed, found))
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > most:
                return counts, [*wrong, (seed, "too much memory")]
    return counts, wrong


if __name__ == "__main__":
    done, failures = search(sys.argv[1], float(sys.argv[2]), int((sys.argv[3:] or ["0"])[0]))
    print(done, f"{len(failures)} wrong")
    for number, what in failures[:20]:
        print(f"--- seed {number}: {what[:300]}")
