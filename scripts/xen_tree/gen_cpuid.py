"""xen/tools/gen-cpuid.py: which features rest on which, read from its source without running it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping

from attrs import frozen

from .tree import Tree, TreeError

TOOL = "xen/tools/gen-cpuid.py"


@frozen
class Rules:
    """`dependencies`: feature number -> those that rest on it directly. `common_1d`: the features
    that AMD repeats in leaf 80000001h. `letters`: the letters it knows in annotations. `reserved`:
    words kept free at the end. `pseudo`: names for the command line that are no features.
    `knows_copies`: whether AMD's copies count as known features (up to 4.8).
    """

    dependencies: Mapping[int, tuple[int, ...]]
    common_1d: tuple[int, ...]
    letters: frozenset[str]
    reserved: int
    pseudo: tuple[str, ...]
    knows_copies: bool


def rules(tree: Tree, numbers: Mapping[str, int]) -> Rules:
    """`numbers`: of the features, by name. Raises TreeError for what cannot be read."""
    text = tree.text(TOOL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old tools have "\s" outside of raw strings
            parsed = ast.parse(_of_today(text))
    except SyntaxError as error:
        raise TreeError(f"{TOOL} cannot be read: {error}") from error
    reader = _Reader(numbers)
    return Rules(
        dependencies={
            reader.feature(key): tuple(reader.features(value))
            for key, value in _dictionary(parsed, "deps")
        },
        common_1d=tuple(reader.features(_value(parsed, "common_1d"))),
        letters=_letters(parsed),
        reserved=_reserved(text),
        pseudo=tuple(_strings(parsed, "pseduo_names")),
        knows_copies="e1d_base" in text,
    )


def _of_today(text: str) -> str:
    """Up to 4.10 it is Python 2, with long integers and `except Error, name`."""
    text = re.sub(r"\b(\d+)L\b", r"\1", text)
    return re.sub(r"except (\w+), (\w+):", r"except \1 as \2:", text)


def _letters(parsed: ast.Module) -> frozenset[str]:
    """The keys of the table that sorts features by letter; up to 4.13 it has none."""
    try:
        keys = [key for key, _ in _dictionary(parsed, "raw")]
    except TreeError:
        return frozenset("!ASH")
    return frozenset(str(key.value) for key in keys if isinstance(key, ast.Constant))


def closure(dependencies: Mapping[int, tuple[int, ...]]) -> dict[int, set[int]]:
    """Feature number -> all that rest on it, directly or not."""
    dependents = {}
    for feature in dependencies:
        deep: set[int] = set()
        waiting = list(dependencies[feature])
        while waiting:
            dependent = waiting.pop()
            if dependent == feature:
                raise TreeError(f"{TOOL}: feature {feature} rests on itself")
            if dependent not in deep:
                deep.add(dependent)
                waiting += dependencies.get(dependent, ())
        dependents[feature] = deep
    return dict(sorted(dependents.items()))


@frozen
class _Reader:
    """Expressions as gen-cpuid.py has them, in numbers of features."""

    numbers: Mapping[str, int]

    def feature(self, node: ast.expr | None) -> int:
        """A name, with the underscore before one that begins with a digit; or a sum."""
        match node:
            case ast.Name(id=name):
                number = self.numbers.get(name, self.numbers.get(name.removeprefix("_")))
                if number is None:
                    raise TreeError(f"{TOOL}: {name} is no feature of the header")
                return number
            case ast.Constant(value=int(value)):
                return value
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.feature(left) + self.feature(right)
        raise _unreadable(node)

    def features(self, node: ast.expr) -> Iterator[int]:
        """A list of names, `list(range(A, B))`, or `feat_range(A, B)`: the known ones, B too."""
        match node:
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                yield from (self.feature(element) for element in elements)
            case ast.Call(
                func=ast.Name(id="list"),
                args=[ast.Call(func=ast.Name(id="range"), args=[first, end])],
            ):
                yield from range(self.feature(first), self.feature(end))
            case ast.Call(func=ast.Name(id="feat_range"), args=[first, last]):
                bounds = range(self.feature(first), self.feature(last) + 1)
                yield from (number for number in sorted(self.numbers.values()) if number in bounds)
            case _:
                raise _unreadable(node)


def _unreadable(node: ast.AST | None) -> TreeError:
    source = "nothing" if node is None else ast.unparse(node)
    return TreeError(f"{TOOL}: cannot read {source!r}; scripts/xen_tree has to learn it")


def _value(parsed: ast.Module, name: str) -> ast.expr:
    """What is assigned to a variable or attribute of that name, first."""
    for node in ast.walk(parsed):
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            called = target.attr if isinstance(target, ast.Attribute) else None
            called = target.id if isinstance(target, ast.Name) else called
            if called == name:
                return node.value
    raise TreeError(f"{TOOL} assigns no {name}")


def _dictionary(parsed: ast.Module, name: str) -> list[tuple[ast.expr | None, ast.expr]]:
    value = _value(parsed, name)
    if not isinstance(value, ast.Dict):
        raise _unreadable(value)
    return list(zip(value.keys, value.values, strict=True))


def _strings(parsed: ast.Module, name: str) -> list[str]:
    try:
        value = _value(parsed, name)
    except TreeError:
        return []
    return list(ast.literal_eval(value))


def _reserved(text: str) -> int:
    """XenServer's patches add words to the number: at once, or by a name."""
    match = re.search(r"\bnr_entries \+= (\d+)|\breserved_entries_num = (\d+)", text)
    return int(match[1] or match[2]) if match else 0
