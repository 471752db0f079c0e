"""Functions of one dialect that the other lacks, as macros in the other: the equations that they stand for.

Read back, a macro that is one of these is the function again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from stockflow.language.definition import Definition, Macro, Parsed
from stockflow.language.tree import Call, Tree, walk
from stockflow.language.vensim.equation import Equation as VensimEquation
from stockflow.language.xmile.equation import Equation as XmileEquation
from stockflow.names import plain

# just before the middle of a time step, as the engine has it
_MIDDLE = "TIME + DT*0.49999904632568359375"
_PASSED = f"({_MIDDLE} - start)"
#: Vensim's functions in XMILE: macro, its equation, the function's name; a macro's name may be no other function's
_IN_XMILE: tuple[tuple[str, str, str], ...] = (
    ("INTEGER(x)", "IF x < 0 THEN -INT(-x) ELSE INT(x)", "integer"),
    ("QUANTUM(value, unit)", "IF unit < 0.000001 THEN value ELSE unit*INTEGER(value/unit)", "quantum"),
    ("MODULO(value, unit)", "value - QUANTUM(value, unit)", "modulo"),
    ("ZIDZ(above, below)", "IF ABS(below) < 0.000001 THEN 0 ELSE above/below", "zidz"),
    ("XIDZ(above, below, other)", "IF ABS(below) < 0.000001 THEN other ELSE above/below", "xidz"),
    ("LOG(x, base)", "LN(x)/LN(base)", "log"),
    ("SINH(x)", "(EXP(x) - EXP(-x))/2", "sinh"),
    ("COSH(x)", "(EXP(x) + EXP(-x))/2", "cosh"),
    ("TANH(x)", "1 - 2/(EXP(2*x) + 1)", "tanh"),
    ("VENSIM RAMP(slope, start, end)", "IF TIME + 0.000001 > start THEN slope*(MIN(end, TIME) - start) ELSE 0", "ramp"),
    (
        "VENSIM PULSE(start, width)",
        f"IF start < {_MIDDLE} AND {_MIDDLE} < start + (IF width = 0 THEN DT ELSE width) THEN 1 ELSE 0",
        "pulse",
    ),
    (
        "PULSE TRAIN(start, width, interval, end)",
        "IF interval = 0 THEN VENSIM_PULSE(start, width) ELSE"
        f" IF start < {_MIDDLE} AND {_MIDDLE} < end"
        f" AND {_PASSED} - interval*INTEGER({_PASSED}/interval) < MAX(width, DT) THEN 1 ELSE 0",
        "pulse train",
    ),
    ("SAMPLE IF TRUE(condition, input, start)", "IF condition THEN input ELSE PREVIOUS(SELF, start)", "sample if true"),
)
_WHOLE = "INTEGER(x) - IF THEN ELSE(x < INTEGER(x), 1, 0)"
#: XMILE's functions in Vensim
_IN_VENSIM: tuple[tuple[str, str, str], ...] = (
    ("INT(x)", _WHOLE, "int"),
    ("MOD(value, unit)", "value - ABS(unit)*INT(value/ABS(unit))", "mod"),
    ("ROUND(x)", "INTEGER(x + IF THEN ELSE(x < 0, -0.5, 0.5))", "round"),
    (
        "SAFEDIV(above, below, other)",
        "IF THEN ELSE(below = 0, other, above/IF THEN ELSE(below = 0, 1, below))",
        "safediv",
    ),
    ("PREVIOUS(x, start)", "DELAY FIXED(x, TIME STEP$, start)", "previous"),
    ("INIT(x)", "INITIAL(x)", "init"),
    ("DELAY(x, delay time, start)", "DELAY FIXED(x, delay time, start)", "delay"),
    ("XMILE PULSE(amount, first)", "PULSE(first, TIME STEP$)*(amount/TIME STEP$)", "pulse"),
    (
        "XMILE PULSES(amount, first, interval)",
        "PULSE TRAIN(first, TIME STEP$, interval, 1e+30)*(amount/TIME STEP$)",
        "pulses",
    ),
)


class Library:
    """The macros of one dialect for functions of the other.

    `calls` are what each function is called as, `functions` what each macro stands for; both by compared name.
    """

    def __init__(self, rows: Iterable[tuple[str, str, str]], vensim: bool) -> None:
        self.macros: dict[str, Macro] = {}
        self.calls: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        for head, equation, function in rows:
            name, _, inside = head.removesuffix(")").partition("(")
            parameters = tuple(one.strip() for one in inside.split(","))
            tree = _vensim(equation) if vensim else XmileEquation(equation, 0, {}).whole()
            self.macros[plain(name)] = Macro(name, parameters, (Definition(name, (), (), tree),))
            self.calls[function] = name
            self.functions[plain(name)] = function

    def with_needed(self, names: Iterable[str]) -> list[Macro]:
        """Return the macros of some names and those that they call, in the order of the library."""
        todo, found = [plain(one) for one in names], set[str]()
        while todo:
            one = todo.pop()
            if one in self.macros and one not in found:
                found.add(one)
                parts = (part for tree in trees(self.macros[one]) for part in walk(tree))
                todo += [plain(part.name) for part in parts if isinstance(part, Call)]
        return [macro for name, macro in self.macros.items() if name in found]

    def known(self, macro: Macro) -> bool:
        """Say whether a macro of a file is one of these."""
        own = self.macros.get(plain(macro.name))
        same = own is not None and own.parameters == macro.parameters and not macro.outputs
        return own is not None and same and trees(own) == trees(macro)


def trees(macro: Macro) -> list[Tree]:
    """Return the right sides of a macro."""
    return [one.tree for one in macro.definitions if one.tree is not None]


def _vensim(equation: str) -> Tree:
    one = VensimEquation(f"x= {equation}")
    left = one.left(Parsed())
    assert left is not None
    return one.right(left)


@cache
def libraries() -> Mapping[bool, Library]:
    """Return the macros of either dialect, those of Vensim under True."""
    return {True: Library(_IN_VENSIM, True), False: Library(_IN_XMILE, False)}
