"""What errors say, as it stands in the code of any layer: their templates, with a place for each value, {0}, {1!r}.

A place before a reason, as `{file}: `, is no part of its template. Words that a function gathers in a variable, or a
module in a constant, before it says them are templates of their own.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, product

_WORDS = re.compile(r"[A-Za-z]+ (?:.* )?[A-Za-z]{2}")  # less is no sentence that could be found again
_PLACES = re.compile(r"^(?:\{[^{}]*\}(?: (?:row|line) \{[^{}]*\})?(?:: |$))*")
_FIELD = re.compile(r"\{(!r)?\}")
_UNKNOWN = ast.parse("""f" {name!r}{hint}\"""", mode="eval").body  # what follows the kind of an unknown name
_MOST = 12  # variants of one message

Known = Mapping[str, list[ast.expr]]


def templates(tree: ast.Module) -> Iterator[str]:
    """Yield the templates of every error that the functions of a module raise, and of what they gather for them."""
    constants = _assigned(tree.body)
    for body in (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)):
        known = constants | _assigned(ast.walk(body))
        for call in (one for one in ast.walk(body) if isinstance(one, ast.Call) and one.args):
            if (said := _says(call)) is not None:
                for text in (*_texts(said), *_gathered(said, known, set())):
                    yield from _numbered(text)


def _says(call: ast.Call) -> ast.expr | None:
    """Return what a call says in an error, if it makes one."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name == "unknown":
        return ast.BinOp(ast.BinOp(ast.Constant("unknown "), ast.Add(), call.args[0]), ast.Add(), _UNKNOWN)
    return call.args[0] if name.endswith("Error") or name == "fail" else None


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name."""
    found: dict[str, list[ast.expr]] = {}
    for one in nodes:
        target = one.targets[0] if isinstance(one, ast.Assign) else getattr(one, "target", None)
        if isinstance(one, ast.Assign | ast.AugAssign | ast.NamedExpr) and isinstance(target, ast.Name):
            found.setdefault(target.id, []).append(one.value)
    return found


def _texts(node: ast.expr) -> list[str]:
    """Return the variants of a text, {} or {!r} where a value is filled in."""
    match node:
        case ast.Constant(str(text)):
            return [text.replace("{", "{{").replace("}", "}}")]
        case ast.IfExp(body=body, orelse=other) | ast.FormattedValue(value=ast.IfExp(body=body, orelse=other)) if (
            _spelt(body) and _spelt(other)
        ):
            return [*_texts(body), *_texts(other)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined([_texts(left), _texts(right)])
        case ast.JoinedStr(values):
            return _joined([_texts(one) for one in values])
        case ast.FormattedValue(conversion=114):
            return ["{!r}"]
    return ["{}"]


def _spelt(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _joined(parts: list[list[str]]) -> list[str]:
    found = ["".join(each) for each in product(*parts)]
    return found if len(found) <= _MOST else ["".join(each[0] for each in parts)]


def _gathered(node: ast.expr, known: Known, seen: set[str]) -> Iterator[str]:
    """Yield the texts that names in a message stand for."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and one.id not in seen:
            seen.add(one.id)
            for value in known.get(one.id, []):
                for part in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                    if _spelt(part):
                        yield from _texts(part)
                    yield from _gathered(part, known, seen)


def _numbered(text: str) -> Iterator[str]:
    """Yield a template without the places before it, its fields numbered; nothing where it has no words."""
    bare, numbers = _PLACES.sub("", text), count()
    if _WORDS.search(_FIELD.sub("", bare)):
        yield _FIELD.sub(lambda field: f"{{{next(numbers)}{field[1] or ''}}}", bare)
