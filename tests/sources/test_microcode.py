"""The microcode that this machine runs, as Linux shows it in dom0."""

from pathlib import Path

import pytest

from tests.support.roots import files
from xenops_cpu.sources import microcode


def register(value: int) -> bytes:
    """What the device of a CPU's registers holds up to the one of the revision."""
    return bytes(microcode.MSR) + value.to_bytes(8, "little")


def test_of_cpuinfo(tmp_path: Path) -> None:
    """The first CPU's line, where nothing better is there."""
    text = "processor : 0\nmicrocode\t: 0x2b000571\n\nprocessor : 1\n"
    root = files(tmp_path, proc__cpuinfo=text)
    assert microcode.revision("GenuineIntel", root) == 0x2B000571


def test_nothing(tmp_path: Path) -> None:
    """What nobody tells is not known."""
    assert microcode.revision("GenuineIntel", tmp_path) is None


@pytest.mark.parametrize(
    ("vendor", "value", "expected"),
    [
        ("GenuineIntel", 0x2B000571 << 32, 0x2B000571),
        ("AuthenticAMD", 0x0A0011D5, 0x0A0011D5),
        ("HygonGenuine", 0x80901047, 0x80901047),
        ("GenuineIntel", 0, 0x11),  # a register of nothing: the text counts
    ],
)
def test_the_register_comes_first(tmp_path: Path, vendor: str, value: int, expected: int) -> None:
    """It has what Xen loaded last, in the half in which the vendor has it."""
    root = files(
        tmp_path,
        dev__cpu__0__msr=register(value),
        sys__devices__system__cpu__cpu0__microcode__version="0x11\n",
    )
    assert microcode.revision(vendor, root) == expected


def test_texts_that_are_no_numbers(tmp_path: Path) -> None:
    """A revision that cannot be read is none."""
    root = files(tmp_path, proc__cpuinfo="microcode : N/A\n")
    assert microcode.revision("GenuineIntel", root) is None
