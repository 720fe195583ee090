"""docs/promises.md: each promise has tests, and they are there."""

import re

import pytest

from tests import ROOT

PAGE = ROOT / "docs" / "promises.md"


def rows() -> list[tuple[str, list[str]]]:
    """The sentences, each with the tests that it names."""
    cells = re.findall(r"^\| (?!promise )([^|]+?) \| ([^|]*)\|$", PAGE.read_text("utf-8"), re.M)
    return [(promise, re.findall(r"`([^`]+)`", tests)) for promise, tests in cells]


def test_the_page_is_read() -> None:
    """Every row of its tables is a promise."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert len(rows()) == len(lines) - lines.count("| promise | held by |") > 20


@pytest.mark.parametrize(("promise", "names"), rows(), ids=lambda value: str(value)[:50])
def test_a_promise_is_held_by_tests(promise: str, names: list[str]) -> None:
    """Each test that is named is a function of the file that is named, or a file that has tests."""
    assert names, f"nothing holds: {promise}"
    for name in names:
        file, _, function = name.partition("::")
        tests = re.findall(r"^ *def (test_\w+)\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)
        assert function in tests if function else tests, f"{promise}: there is no {name}"
