"""The tool xen-cpuid of each release: its names, its sets, and how it is told from others."""

from __future__ import annotations

import pytest

from xenops_cpu.features.release import RELEASES, release
from xenops_cpu.features.xen_cpuid_names import tool

OLD = ("Known", "Special", "PV Mask", "HVM Shadow Mask", "HVM Hap Mask")
NEW = (
    "Known", "Special", "PV Max", "PV Default", "HVM Shadow Max", "HVM Shadow Default",
    "HVM Hap Max", "HVM Hap Default",
)  # fmt: skip
DYNAMIC = ("Raw", "Host", "PV Default", "HVM Default", "PV Max", "HVM Max")


@pytest.mark.parametrize(
    ("name", "width", "static", "dynamic", "separators", "complains"),
    [
        ("4.7", 18, OLD, ("Host", "Raw", "PV", "HVM"), ":", False),
        ("4.13", 18, OLD, ("Host", "Raw", "PV", "HVM"), ":", True),
        ("4.19", 24, NEW, DYNAMIC, ":-", True),
        ("xenserver-8", 24, NEW, DYNAMIC, ":", True),
    ],
)
def test_what_a_tool_prints_and_reads(
    name: str, width: int, static: tuple[str, ...], dynamic: tuple[str, ...], separators: str,
    complains: bool,
) -> None:  # fmt: skip
    """Its column, its sets in its order, its separators, and whether it says what it left out."""
    found = tool(release(name))
    assert (found.width, found.static, found.dynamic) == (width, static, dynamic)
    assert (found.separators, found.complains) == (separators, complains)


def test_the_name_of_a_bit() -> None:
    """As the release's tool has it; a bit, or a word, that it has no name for is a number."""
    old, new = tool(release("4.13")), tool(release("4.19"))
    assert (old.name(0), new.name(0)) == ("fpu", "fpu")
    assert old.name(32) == "sse3"
    assert old.name(10) == "<10>"
    assert new.name(32 * 18 + 31) == "<31>"
    assert new.name(32 * 19) == "<0>"
    assert old.name(32 * 60 + 5) == "<5>"


@pytest.mark.parametrize("name", RELEASES)
def test_no_name_is_a_hyphen(name: str) -> None:
    """A bit without a name has none, rather than the sign that stands for that in the table."""
    names = {spelled for word in tool(release(name)).names for spelled in word}
    assert "-" not in names
    assert {None, "REZ"} & names


def test_a_build_has_the_tool_of_its_line() -> None:
    """Builds of a line have one description, unless one of them has its own."""
    assert tool(release("xenserver-8-4.17.6-2")) is tool(release("xenserver-8"))
