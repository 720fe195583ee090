"""Which release's tables fit a hypervisor."""

import pytest

from xenops_cpu.hosts.host import release_of


@pytest.mark.parametrize(
    ("version", "length", "name"),
    [
        ("4.17.7", 19, "4.17"),
        ("4.17.3-4", 22, "xenserver-8"),
        ("4.13.5-9.36", 22, "xenserver-8.2"),
        ("4.13.5-9.31", 18, "xenserver-8.2-retrofit"),
        ("4.13.5", 11, "4.13"),
        ("4.23-unstable", 19, "master"),
        ("5.0", 25, "master"),
        ("4.6.6", 9, "4.7"),
        ("what", 19, "master"),
    ],
)
def test_release_of(version: str, length: int, name: str) -> None:
    """The version decides, the number of words tells XenServer's Xen; the nearest must do."""
    assert release_of(version, length).name == name
