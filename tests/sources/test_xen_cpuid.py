"""The source xen-cpuid, with processes that print what the tools of real Xens printed.

The tools here are shell scripts that stand in for Xen's, which answer in a dom0 only; tests/xen
asks the real ones.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import SHARED, needs_shared
from tests.packaging.test_collect import Dom0
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts.host import SETS
from xenops_cpu.inputs import resolve
from xenops_cpu.sources import SourceError, choose, libxc, libxc_errors, xen_cpuid
from xenops_cpu.sources.xen_cpuid import ToolError, XenCpuid

NAMES = ("epyc-xen-4.17", "ivybridge-xen-4.17")
Start = Callable[..., Dom0]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """A function that makes this machine the dom0 of a host whose tools were recorded."""

    def dom0(name: str = NAMES[0]) -> Dom0:
        made = Dom0(tmp_path, name)
        number, _, extra = made.host.xen.version.rpartition(".")
        major, _, minor = number.partition(".")
        for file, text in (
            ("properties/features", "00002801"),
            ("properties/capabilities", made.host.xen.capabilities),
            ("version/major", major),
            ("version/minor", minor),
            ("version/extra", f".{extra}"),
        ):
            made.file(f"sys/{file}", text + "\n")
        monkeypatch.setattr(libxc, "FEATURE_FLAGS", tmp_path / "sys" / "properties" / "features")
        monkeypatch.setattr(xen_cpuid, "HYPERVISOR", tmp_path / "sys")
        monkeypatch.setattr(xen_cpuid, "FOLDERS", ())
        monkeypatch.setenv("PATH", made.environment["PATH"])
        return made

    return dom0


def replaced(dom0: Dom0, option: str, old: str, new: str) -> None:
    """Another text of the tool for an option."""
    file = dom0.root / "printed" / option
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_as_from_libxc(start: Start, name: str) -> None:
    """Sets, policies, Xen and counts are those that the binding read on that host."""
    dom0 = start(name)
    host, expected = XenCpuid(dom0.root / "proc" / "cpuinfo").read(), dom0.host
    assert host.featuresets == expected.featuresets
    assert host.policies == expected.policies
    assert (host.xen.version, host.xen.commandline) == (
        expected.xen.version, expected.xen.commandline,
    )  # fmt: skip
    assert host.xen.capabilities.strip() == expected.xen.capabilities.strip()
    assert (host.hvm, host.topology.cpu_count, host.topology.nr_nodes) == (expected.hvm, 4, 2)
    assert host.processor.vendor == "AuthenticAMD"


def test_the_answer_says_what_it_rests_on(start: Start) -> None:
    """The origin and the first note name the tool, and what is assumed of its text."""
    start()
    source = XenCpuid(because="there is no binding")
    host = source.read()
    assert source.name == "xen-cpuid"
    assert host.origin == "the hypervisor of this host, Xen 4.17.7, by xen-cpuid"
    assert "xen-cpuid, because there is no binding" in host.notes[0]
    assert "taken to be what its name in the tool's text says" in host.notes[0]


def test_it_is_chosen_where_the_binding_is_missing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a dom0 a package without the binding asks the tool, and says why."""
    start()
    monkeypatch.setitem(sys.modules, "xenops_cpu.sources._libxc", None)
    libxc._binding.cache_clear()
    try:
        source = choose.source(None)
    finally:
        libxc._binding.cache_clear()
    assert isinstance(source, XenCpuid)
    assert "without its binding to libxenctrl" in source.read().notes[0]


def test_by_name(start: Start) -> None:
    """--source xen-cpuid, and HOST xen-cpuid of every command."""
    dom0 = start()
    assert choose.source("xen-cpuid").read().featuresets == dom0.host.featuresets
    assert resolve("xen-cpuid").hosts[0].host.featuresets == dom0.host.featuresets


def test_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside dom0 it says so, and names the sources that answer there."""
    for name in ("FEATURE_FLAGS", "CAPABILITIES"):
        monkeypatch.setattr(libxc, name, tmp_path / "nothing")
    with pytest.raises(libxc_errors.NotDom0, match="simulated"):
        XenCpuid().read()


def test_without_policies(start: Start) -> None:
    """Before 4.12 there is no -p: the sets are answered, a note says what is missing."""
    dom0 = start()
    dom0.tool("xen-cpuid", '[ $1 = -d ] || { echo "unknown option" >&2; exit 1; }; '
              f'exec cat "{dom0.root}/printed/$1"')  # fmt: skip
    host = XenCpuid().read()
    assert host.featuresets == dom0.host.featuresets
    assert host.policies == {}
    assert any("the policies (xen-cpuid -p: unknown option)" in note for note in host.notes)


def test_without_xl(start: Start) -> None:
    """Linux has told the version; counts and the IOMMU stay open, and notes say so."""
    dom0 = start()
    (dom0.root / "bin" / "xl").unlink()
    host = XenCpuid().read()
    assert (host.xen.version, host.hvm, host.topology.cpu_count) == ("4.17.7", True, 0)
    assert any("what xl tells (there is no xl here)" in note for note in host.notes)
    assert any("not told: the counts" in note for note in host.notes)


def test_a_xen_without_max_sets(start: Start) -> None:
    """Before 4.14 the tool prints four sets: none is made from a policy, as with libxc."""
    dom0 = start()
    for name in ("PV Max ", "HVM Max "):
        replaced(dom0, "-d", f"\n{name}", "\nUnknown ")
    dom0.file("sys/version/minor", "13\n")
    sets = XenCpuid().read().featuresets
    assert sets.pv_max is sets.hvm_max is None
    assert sets.pv_default == dom0.host.featuresets.pv_default


def test_xenserver_says_which_bits_are_for_compatibility(start: Start) -> None:
    """What libxc adds there is in the tool's sets as well, and is named."""
    dom0 = start()
    text = (dom0.root / "printed" / "-d").read_text()
    lines = []
    for line in text.partition("Dynamic sets:")[2].splitlines():
        name, _, words = line.rpartition("  ")
        wide = ":".join([words, *["00000000"] * 4]) if words.count(":") > 8 else words
        lines.append(f"{name}  {wide}" if not line.startswith("  [") else "")
    dom0.file("printed/-d", "\n".join(["nr_features: 23", "Dynamic sets:", *filter(None, lines)]))
    dom0.file("sys/version/extra", ".6-2\n")
    max_set = "HVM Max" + " " * 25
    replaced(dom0, "-d", f"{max_set}178bfbfd:f6f83203:2c500800:00000077",
             f"{max_set}178bfbfd:f6f83203:2c500800:00000477")  # fmt: skip
    host = XenCpuid().read()
    assert host.release.xenserver
    assert any("bits for compatibility only" in note and "IBS" in note for note in host.notes)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", "xen-cpuid -d: exit code 3; run it as root"),
        ("echo 'no permission' >&2; exit 1", "xen-cpuid -d: no permission; run it as root"),
        ("echo nothing of the kind", "prints no set raw, host, pv_default, hvm_default"),
        ("exec head -c 9000000 /dev/zero", "xen-cpuid -d prints more than 4 MiB"),
        ("printf 'Static sets:\\nKnown           12345678\\n'", "the text is cut short"),
    ],
)
def test_a_tool_that_fails(start: Start, script: str, words: str) -> None:
    """Without the sets there is no answer: the error names the tool and what it did."""
    dom0 = start()
    dom0.tool("xen-cpuid", script)
    with pytest.raises(ToolError) as raised:
        XenCpuid().read()
    assert words in str(raised.value)


def test_a_tool_that_does_not_end(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended, and the error says how long was waited."""
    monkeypatch.setattr(xen_cpuid, "TOOL_SECONDS", 0.2)
    dom0 = start()
    dom0.tool("xen-cpuid", "exec sleep 60")
    with pytest.raises(ToolError, match=r"no answer within 0\.2 s"):
        XenCpuid().read()


def test_no_tool(start: Start) -> None:
    """The error names the packages that have it."""
    dom0 = start()
    (dom0.root / "bin" / "xen-cpuid").unlink()
    with pytest.raises(SourceError, match=r"there is no xen-cpuid here; install .*xen-utils-"):
        XenCpuid().read()


@needs_shared
@pytest.mark.parametrize("release", ["captures", "captures-4.20"])
def test_every_recorded_host(start: Start, release: str) -> None:
    """The sets are those that another program took of the same boot through libxc."""
    dom0 = start()
    folder = SHARED / "xen-real" / release
    compared = 0
    for file in sorted(folder.glob("*.json")):
        record = json.loads(file.read_text())
        printed = {option: folder / f"{file.stem}.xen-cpuid-{option}.txt" for option in "dp"}
        if not record.get("featuresets") or not printed["d"].exists():
            continue
        for option, text in printed.items():
            dom0.file(f"printed/-{option}", text.read_text())
        dom0.file("sys/version/minor", f"{record['version']['minor']}\n")
        dom0.file("sys/version/extra", f"{record['version']['extraversion']}\n")
        sets = XenCpuid().read().featuresets
        names = {"pv_default": "pv", "hvm_default": "hvm"}
        assert {name: sets.named(name) for name in SETS} == {
            name: Featureset.parse(":".join(record["featuresets"][names.get(name, name)]))
            for name in SETS
        }, file
        compared += 1
    assert compared > 1


def test_a_host_read_twice_is_the_same(start: Start) -> None:
    """Nothing in it changes from read to read, so that no change is logged where there is none."""
    start()
    source = XenCpuid()
    assert source.read() == source.read()
