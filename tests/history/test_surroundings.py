"""Microcode, firmware and Xen's build, as Linux shows them in dom0."""

from pathlib import Path

import pytest

from xenops_cpu.history.surroundings import Surroundings, read


def files(root: Path, **texts: str | bytes) -> Path:
    """A root folder with these files; "__" stands for "/"."""
    for name, text in texts.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def register(value: int) -> bytes:
    return bytes(0x8B) + value.to_bytes(8, "little")


def test_everything(tmp_path: Path) -> None:
    """Each part from its file."""
    root = files(
        tmp_path,
        sys__class__dmi__id__bios_vendor="Dell Inc.\n",
        sys__class__dmi__id__bios_version="2.19.1\n",
        sys__class__dmi__id__bios_date="06/05/2023\n",
        sys__hypervisor__version__extra=".5-13\n",
        sys__hypervisor__properties__changeset="4d4e3b7\n",
        sys__hypervisor__properties__buildid="77aa\n",
        proc__sys__kernel__random__boot_id="2c4e\n",
        proc__cpuinfo="processor : 0\nmicrocode\t: 0x2b000571\n\nprocessor : 1\n",
    )
    assert read("GenuineIntel", root) == Surroundings(
        "0x2b000571", "Dell Inc. 2.19.1 06/05/2023", ".5-13 4d4e3b7 77aa", "2c4e"
    )


def test_nothing(tmp_path: Path) -> None:
    """What is not there is empty."""
    assert read("GenuineIntel", tmp_path) == Surroundings()


@pytest.mark.parametrize(
    ("vendor", "value", "expected"),
    [
        ("GenuineIntel", 0x2B000571 << 32, "0x2b000571"),
        ("AuthenticAMD", 0x0A0011D5, "0xa0011d5"),
        ("HygonGenuine", 0x80901047, "0x80901047"),
        ("GenuineIntel", 0, "0x11"),  # a register of nothing: the text counts
    ],
)
def test_the_register_comes_first(tmp_path: Path, vendor: str, value: int, expected: str) -> None:
    """It has what Xen loaded last, in the half in which the vendor has it."""
    root = files(
        tmp_path,
        dev__cpu__0__msr=register(value),
        sys__devices__system__cpu__cpu0__microcode__version="0x11\n",
    )
    assert read(vendor, root).microcode == expected


def test_what_xen_says_comes_before_all(tmp_path: Path) -> None:
    """Xen knows what it has loaded."""
    root = files(tmp_path, dev__cpu__0__msr=register(0x11 << 32))
    assert read("GenuineIntel", root, revision=0x12).microcode == "0x12"
    assert read("GenuineIntel", root, revision=0).microcode == "0x11"


def test_texts_that_are_no_numbers(tmp_path: Path) -> None:
    """A revision that cannot be read is none."""
    root = files(tmp_path, proc__cpuinfo="microcode : N/A\n")
    assert read("GenuineIntel", root).microcode == ""


def test_this_machine() -> None:
    """The real files of the machine that runs this: it has at least booted."""
    assert len(read("GenuineIntel").boot) == 36
