"""Regular expressions that see strangers' texts: none that takes more than linear time.

Where a text can be divided in many ways among the parts of a pattern, all of them are tried. Two
forms of that are looked for in every pattern of the package, by its structure: a repetition without
a bound in another one, and two that follow each other and take the same letters.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import xenops_cpu

REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
UNBOUNDED = 1000  # so many times is as good as without a bound
LETTERS = [chr(number) for number in range(256)]

# Why others may be.
BOUNDED = {"xenops_cpu.wire.xmlrpc": "sees 4,096 bytes at the most"}


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    for found in pkgutil.walk_packages(xenops_cpu.__path__, "xenops_cpu."):
        if found.name.endswith(("__main__", "._libxc")):
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and found.name not in BOUNDED:
                yield f"{found.name}.{name}", value


def letters(item: Any, state: Any) -> set[str]:
    """Those that one item of a pattern takes."""
    single = _compiler.compile(_parser.SubPattern(state, [item]))
    return {letter for letter in LETTERS if single.fullmatch(letter)}


def faults(parts: Any, state: Any, inside: bool = False) -> Iterator[str]:
    """What is wrong in a sequence; `inside`: it is in an unbounded repetition."""
    # Of an unbounded repetition before, with nothing or only optional parts between.
    before: set[str] = set()
    parts = list(flat(parts))
    for operation, value in parts:
        if operation in REPEATS:
            least, most, inner = value
            unbounded = most is _constants.MAXREPEAT or most >= UNBOUNDED
            taken = letters(inner[0], state) if len(inner) == 1 and simple(inner) else set()
            if unbounded and inside and not separated(parts, taken, state):
                yield f"repetitions in one another, of {taken or inner}"
            yield from faults(inner, state, inside or unbounded)
            if unbounded and before & taken:
                yield f"repetitions one after the other, of {sorted(before & taken)}"
            if unbounded and taken:
                before = taken
            elif least:
                before = set()
        elif operation is _constants.BRANCH:
            for branch in value[1]:
                yield from faults(branch, state, inside)
            before = set()
        elif operation in (_constants.ASSERT, _constants.ASSERT_NOT):
            yield from faults(value[1], state, inside)
        elif operation is not _constants.AT:  # possessive repetitions, too, are tried only once
            before = set()


def flat(parts: Any) -> Iterator[Any]:
    """The parts, with those of groups in their places."""
    for operation, value in parts:
        if operation is _constants.SUBPATTERN:
            yield from flat(value[3])
        else:
            yield operation, value


def simple(parts: Any) -> bool:
    kinds = (_constants.LITERAL, _constants.NOT_LITERAL, _constants.IN, _constants.ANY)
    return bool(parts[0][0] in kinds)


def separated(parts: Any, taken: set[str], state: Any) -> bool:
    """Whether the sequence begins with a letter that the repetition in it does not take."""
    first = parts[0]
    return bool(
        first[0] in (_constants.LITERAL, _constants.IN) and not letters(first, state) & taken
    )


def faults_of(pattern: re.Pattern[Any]) -> list[str]:
    tree = _parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    return list(faults(tree, tree.state))


@pytest.mark.parametrize(
    "text",
    [
        r"^(?P<host>.*?)[._-]*(?P<kind>cpuid)",  # took 15 minutes for 74 KB of names of dots
        r"(a+)+b",
        r"(?:[^'\\]+|\\.)*'",
        r"\s*(?:of)?\s*x",
        r"x\w*[a-f]*(?!y)",
        r"(?:x\s*\w*)*",
    ],
)
def test_the_test_sees_faults(text: str) -> None:
    """Patterns known to be slow are found."""
    assert faults_of(re.compile(text))


@pytest.mark.parametrize(
    "text",
    [
        r"\d+(?:\.\d+)*",
        r"(?:[^'\\]|\\.)*+'",
        r"\s*(\w+)\[",
        r"[a-f]{1,8}\w{0,8}",
        r"a*b*",
        r"\s*+\s*",
    ],
)
def test_the_test_lets_others_be(text: str) -> None:
    """Patterns that divide a text in one way only are not blamed."""
    assert not faults_of(re.compile(text))


def test_every_pattern_of_the_package() -> None:
    """None of them has one of the two forms."""
    every = dict(patterns())
    assert len(every) > 50
    assert {name: found for name, pattern in every.items() if (found := faults_of(pattern))} == {}
