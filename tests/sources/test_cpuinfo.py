"""/proc/cpuinfo and its copy made at boot."""

from pathlib import Path

import pytest

from xenops_cpu.hosts.host import Processor
from xenops_cpu.sources import SourceError, cpuinfo

TEXT = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 63
model name\t: Intel(R) Xeon(R) CPU: E5
stepping\t: 2
cpu MHz\t\t: 2400.000
flags\t\t: fpu de
power management:

processor\t: 1
vendor_id\t: Other
"""


def test_the_first_cpu_is_read() -> None:
    """Its lines become the record; a colon in a value stays; other CPUs do not matter."""
    assert cpuinfo.parse(TEXT) == Processor(
        vendor="GenuineIntel",
        modelname="Intel(R) Xeon(R) CPU: E5",
        speed="2400.000",
        family="6",
        model="63",
        stepping="2",
        flags="fpu de",
    )


def test_missing_lines_are_unknown() -> None:
    """A key that is not there, or empty, reads "unknown", as in xenopsd."""
    assert cpuinfo.parse("vendor_id : X\nflags :\njunk\n") == Processor(vendor="X")


def test_the_boot_copy_comes_first(tmp_path: Path) -> None:
    """The copy made at boot is used where it is there, else the kernel's file."""
    copy = tmp_path / "boot_time_cpus"
    assert cpuinfo.read(copy) == cpuinfo.read()
    copy.write_text(TEXT)
    assert cpuinfo.read(copy).modelname == "Intel(R) Xeon(R) CPU: E5"
    copy.unlink()
    copy.mkdir()
    with pytest.raises(SourceError, match="cannot read"):
        cpuinfo.read(copy)
