"""Firmware and Xen's build, as Linux shows them in dom0."""

from pathlib import Path

from tests.support.roots import files
from xenops_cpu.history.surroundings import Surroundings, read


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
    )
    assert read(0x2B000571, root) == Surroundings(
        "0x2b000571", "Dell Inc. 2.19.1 06/05/2023", ".5-13 4d4e3b7 77aa", "2c4e"
    )


def test_nothing(tmp_path: Path) -> None:
    """What is not there is empty."""
    assert read(None, tmp_path) == Surroundings()


def test_this_machine() -> None:
    """The real files of the machine that runs this: it has at least booted."""
    assert len(read(None).boot) == 36
