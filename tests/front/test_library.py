"""What the library reads and answers: the same as the command line, in records."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import xenops_cpu
from tests.cli.test_cli import run
from tests.cli.test_live_pool import FIRST, PASSWORD
from tests.daemon.test_daemon import Daemon
from tests.support.hosts import example, names
from tests.support.world import World, WorldHost, WorldVm
from tests.support.xapi_server import serving
from tests.support.xapi_world import two_hosts
from xenops_cpu import HVM, PV, Featureset, KnownHost
from xenops_cpu.hosts import capture
from xenops_cpu.sources import SourceError

SKYLAKE = "example:skylake-server-xen-4.17"
XEONS = ("cpu:xeon-gold-6154+as-dumped@4.17", "cpu:xeon-e5-2696-v3@4.17")
WORDS = "1fc9cbf5-f6f83203-2fd3fbff"


def document(*arguments: str) -> Any:
    """What a command prints as JSON."""
    done = run(*arguments, "--json")
    assert not done.stderr
    return json.loads(done.stdout)


def pool_file(folder: Path, name: str = "pool.xml", *, bits: str = "-f6f83203") -> Path:
    """A pool's database: two hosts, and two VMs that run."""
    keys = ("features_pv", "features_hvm", "features_pv_host", "features_hvm_host")
    sets = dict.fromkeys(keys, f"1fc9cbf5{bits}-2fd3fbff-00000023")
    hosts = [WorldHost(name, dict(sets), xen="4.17.3") for name in ("xs-01", "xs-02")]
    flags = {"vendor": "GenuineIntel", "features": sets["features_hvm"]}
    vms = [
        WorldVm(name, dict(flags), f"uuid-{name}", {"domain_type": "hvm", "power_state": "Running"})
        for name in ("web-01", "web-02")
    ]
    path = folder / name
    path.write_text(World(hosts, vms, pool_uuid="uuid-pool").database())
    return path


@pytest.mark.parametrize("kind", ["file", "path", "text", "featureset", "read"])
def test_a_host_may_be_named_in_every_way(kind: str, tmp_path: Path) -> None:
    """A file by its name or as a Path, a name, a featureset, and one that was read already."""
    path = tmp_path / "host-7.json"
    path.write_text(capture.dump(example("epyc-xen-4.17")))
    sources: dict[str, Any] = {
        "file": str(path),
        "path": path,
        "text": "example:epyc-xen-4.17",
        "featureset": names("FPU SSE"),
        "read": xenops_cpu.read_host(path),
    }
    host = xenops_cpu.read_host(sources[kind])
    assert isinstance(host, KnownHost)
    if kind == "featureset":
        assert (host.host, host.offers[HVM].boot) == (None, names("FPU SSE"))
    else:
        assert host.offers[PV].boot == example("epyc-xen-4.17").featuresets.pv_default
        assert (host.vendor, host.release.name) == ("AuthenticAMD", "4.17")


def test_a_host_of_a_running_service(tmp_path: Path) -> None:
    """By its socket: what the service publishes."""
    daemon = Daemon(tmp_path, "--source", SKYLAKE)
    try:
        host = xenops_cpu.read_host(daemon.socket)
    finally:
        assert daemon.stop() == 0
    assert host.offers[PV].boot == example("skylake-server-xen-4.17").featuresets.pv_default


def test_a_live_pool_is_asked_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """xapi:// with the password of the environment; what changes in the pool is seen."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XENOPS_CPU_PASSWORD", PASSWORD)
    world = two_hosts()
    with serving(world) as xapi:
        hosts = xenops_cpu.read_hosts(xapi.url)
        assert hosts[0].member.uuid == FIRST
        assert xenops_cpu.read_host(f"{xapi.url}#xs-00").name == "xs-00"
        world.put("host", "OpaqueRef:h1", {"name_label": "renamed"})
        assert "renamed" in [host.name for host in xenops_cpu.read_hosts(xapi.url)]


def test_hosts_of_several_sources_come_once_and_with_names(tmp_path: Path) -> None:
    """The same host in two files is one; two that are called alike get numbers."""
    pool = pool_file(tmp_path)
    again = pool_file(tmp_path, "again.xml")
    assert [host.name for host in xenops_cpu.read_hosts(pool, again)] == ["xs-01", "xs-02"]
    twice = xenops_cpu.read_hosts(xenops_cpu.read_host(f"{pool}#xs-01"), f"{pool}#xs-01")
    assert [host.name for host in twice] == ["xs-01", "xs-01 (2)"]
    assert xenops_cpu.read_host(f"left={pool}#xs-02").name == "left"


def test_hosts_come_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    """Those that were read before stand where they are named, too."""
    pool, skylake = pool_file(tmp_path), xenops_cpu.read_host(SKYLAKE)
    named = xenops_cpu.read_hosts(f"{pool}#xs-02", skylake, f"{pool}#xs-01")
    assert [host.name for host in named] == ["xs-02", skylake.name, "xs-01"]


def test_what_a_person_should_see_is_a_warning_where_the_library_is_called(tmp_path: Path) -> None:
    """Two sources that say different things of one host; the line of the warning is this file's."""
    pool, other = pool_file(tmp_path), pool_file(tmp_path, "other.xml", bits="-f6f83201")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        xenops_cpu.level([pool, other])
    told = [warning for warning in caught if warning.category is xenops_cpu.InputWarning]
    assert told
    assert {warning.filename for warning in told} == {__file__}
    assert "xs-01: " in str(told[0].message)


def test_more_or_less_than_one_is_refused(tmp_path: Path) -> None:
    """The error says how many there are, what they are called, and how to name one."""
    pool = pool_file(tmp_path)
    with pytest.raises(xenops_cpu.InputError, match=r"2 hosts: name one, .*#NAME.* xs-01, xs-02"):
        xenops_cpu.read_host(pool)
    with pytest.raises(xenops_cpu.InputError, match=r"2 VMs: name one, .*#NAME.* web-01, web-02"):
        xenops_cpu.read_vm(pool)


def test_level_is_that_of_the_command() -> None:
    """Featureset, names, losses with their reasons, for each guest type."""
    expected = document("level", *XEONS)["levels"]
    for level in expected:
        found = xenops_cpu.level(XEONS, level["guest_type"])
        assert (str(found.featureset), found.names) == (level["featureset"], level["features"])
        assert [(loss.name, loss.reason) for loss in found.losses] == [
            (loss["feature"], loss["reason"]) for loss in level["losses"]
        ]
    assert str(xenops_cpu.level(XEONS[0]).featureset) == str(
        xenops_cpu.level([xenops_cpu.read_host(XEONS[0])]).featureset
    )


def test_level_by_the_rules_of_a_release() -> None:
    """`xen` says whose rules, as --xen does; hosts keep their own releases."""
    hosts = ["hex:" + str(names("FPU MD_CLEAR")), "hex:" + str(names("FPU"))]
    for xen in ("4.13", "4.17"):
        expected = document("level", *hosts, "--xen", xen)["levels"][0]
        assert str(xenops_cpu.level(hosts, xen=xen).featureset) == expected["featureset"]
    assert "MD_CLEAR" not in xenops_cpu.level(hosts, xen="4.13").names
    assert "MD_CLEAR" in xenops_cpu.level(hosts, xen="4.17").names


@pytest.mark.parametrize("guest", [None, "pv", "hvm"])
def test_check_is_that_of_the_command(guest: str | None) -> None:
    """Verdict, features, reasons, risks and remedies, pair by pair."""
    options = ["--type", guest] if guest else []
    expected = document("check", XEONS[0], *XEONS, *options)["answers"]
    found = xenops_cpu.check_all(XEONS[0], XEONS, guest=guest)
    for answer, other in zip(found, expected, strict=True):
        assert answer.verdict.value == other["verdict"]
        assert [lack.name for lack in answer.missing] == [f["name"] for f in other["missing"]]
        assert [lack.reason for lack in answer.missing] == [f["reason"] for f in other["missing"]]
        assert list(answer.remedies) == other["remedies"]
        assert list(answer.notes) == other["notes"]


def test_a_vm_is_named_in_every_way(tmp_path: Path) -> None:
    """By name in the file of the hosts, out of a file, as a set, a host, one that was read, new."""
    pool = pool_file(tmp_path)
    by_name = xenops_cpu.check_all("web-01", pool)[0]
    assert by_name.vm.uuid == "uuid-web-01"
    assert by_name.verdict is xenops_cpu.Verdict.MIGRATES
    vm = xenops_cpu.read_vm(f"{pool}#web-02")
    host = xenops_cpu.read_host(f"{pool}#xs-01")
    assert xenops_cpu.check(vm, host).verdict is xenops_cpu.Verdict.MIGRATES
    assert xenops_cpu.check(vm, host, guest="pv").vm.guest is PV
    assert xenops_cpu.check("new", host).verdict is xenops_cpu.Verdict.BOOTS
    assert xenops_cpu.check(host, host).vm.name == "a VM started on xs-01"
    seen = xenops_cpu.read_vm(Featureset.parse(WORDS))
    assert seen.features == Featureset.parse(WORDS)
    newer = evolve(vm, uuid="", name="web-03")
    vms = xenops_cpu.read_vms(newer, f"{pool}#web-02", host, guest="hvm")
    assert [each.name for each in vms] == ["web-03", "web-02", "a VM started on xs-01"]
    assert len(xenops_cpu.check_all([pool], [pool])) == 4


@pytest.mark.parametrize("hosts", [XEONS, ("example:epyc-xen-4.17", "example:epyc-xen-4.20")])
@pytest.mark.parametrize("xen", [None, "4.13"])
def test_compare_is_that_of_the_command_diff(hosts: tuple[str, str], xen: str | None) -> None:
    """Set by set, policy by policy, and who may move: by the newer host's names, or a release's."""
    expected = document("diff", *hosts, *(["--xen", xen] if xen else []))
    found = xenops_cpu.compare_hosts(*hosts, xen=xen)
    assert (found.same, found.release.name) == (expected["same"], expected["release"])
    assert {
        kind: ({*each.names(each.only_in_a)}, {*each.names(each.only_in_b)})
        for kind, each in found.sets.items()
    } == {
        kind: tuple({f["name"] for f in each[side]} for side in ("only_in_a", "only_in_b"))
        for kind, each in expected["sets"].items()
    }
    assert {
        name: [statement.words() for statement in each.statements]
        for name, each in found.policies.items()
    } == {name: each["statements"] for name, each in expected.get("policies", {}).items()}
    assert [answer.verdict.value for answer in found.journeys] == [
        journey["verdict"] for journey in expected["journeys"]
    ]


@pytest.mark.parametrize("feature", ["RTM", "libvirt:md-clear", 27])
@pytest.mark.parametrize("host", [SKYLAKE, XEONS[0]])
def test_explain_is_that_of_the_command(feature: str | int, host: str) -> None:
    """In which sets a feature is, and the reasons, the first cause first."""
    found = xenops_cpu.explain_feature(feature, host)
    name = found.bit.name if isinstance(feature, int) else feature
    (expected,) = document("explain", name, "on", host)["features"]
    assert (found.bit.name, list(found.notes)) == (expected["name"], expected["notes"])
    assert {
        name: (place.present, [reason.text for reason in place.why])
        for name, place in found.places.items()
    } == {
        name: (place["present"], [reason["text"] for reason in place["why"]])
        for name, place in expected["sets"].items()
    }


def test_explain_without_a_host() -> None:
    """By the newest release, or the one that is named; no TypeError."""
    assert xenops_cpu.explain_feature("RTM").release.name == "master"
    found = xenops_cpu.explain_feature("RTM", xen="4.17")
    assert (found.release.name, found.places) == ("4.17", {})
    assert "RTM" in repr(found)


def test_derive_is_what_simulate_gives(tmp_path: Path) -> None:
    """A shipped CPU under a release, with a command line, microcode, registers, without HVM; a dump
    of a CPU in a file.
    """
    expected = document(
        "simulate", "--cpu", "Xeon Gold 6240", "--xen", "4.19", "--xen-cmdline", "tsx=1",
        "--microcode", "2019-11", "--msr", "10a=8000000", "--no-hvm",
    )  # fmt: skip
    host = xenops_cpu.derive_host(
        "Xeon Gold 6240",
        "4.19",
        cmdline="tsx=1",
        microcode="2019-11",
        msrs={0x10A: 0x8000000},
        hvm=False,
    )
    assert host.host is not None
    sets = host.host.featuresets
    assert list(sets.pv_default.words) == [int(word, 16) for word in expected["pv_default"]]
    assert list(host.host.notes) == expected["notes"]
    assert list(host.offers) == [PV]
    assert xenops_cpu.explain_feature("RTM", host).places["pv_default"].why
    path = tmp_path / "host-7.json"
    path.write_text(capture.dump(example("epyc-xen-4.17")))
    derived = xenops_cpu.derive_host(path, xenops_cpu.read_host("example:epyc-xen-4.20").release)
    assert derived.release.name == "4.20"
    assert derived.vendor == "AuthenticAMD"


def test_start_vm_is_what_the_command_vm_tells() -> None:
    """The whole policy, as text; with settings, and by the host's own toolstack."""
    host = "cpu:xeon-gold-6154@xenserver-8"
    started = xenops_cpu.start_vm(host, xenops_cpu.Settings(type="pvh", nested=True))
    assert started.refusal is None
    text = run("vm", host, "--type", "pvh", "--nested", "--text").stdout
    assert started.domain.policy.text() == text.rstrip("\n")
    by_xl = xenops_cpu.start_vm(host, toolstack="xl").domain.policy.text()
    assert by_xl == run("vm", host, "--toolstack", "xl", "--text").stdout.rstrip("\n")


def test_names_are_those_that_decode_prints() -> None:
    """By the newest release of that length, or the one that is named."""
    (expected,) = document("decode", WORDS)["sets"]
    listed = [feature["name"] for feature in expected["features"]]
    assert xenops_cpu.feature_names(WORDS) == listed
    assert xenops_cpu.feature_names(Featureset.parse(WORDS)) == listed
    bit = Featureset.of_features([names("VERW_CLEAR").bits.bit_length() - 1], 19)
    assert xenops_cpu.feature_names(bit) == ["VERW_CLEAR"]
    assert xenops_cpu.feature_names(bit, "4.16")[0].startswith("<")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: xenops_cpu.read_host("nope"), '"nope" cannot be read'),
        (lambda: xenops_cpu.read_host("example:nope"), 'no example host "nope"'),
        (lambda: xenops_cpu.read_host(""), "nothing is named"),
        (lambda: xenops_cpu.read_host("1fc9cbf5-g6f83203"), "featureset word 1"),
        (lambda: xenops_cpu.level([SKYLAKE], "vax"), '"vax" is no guest type; there are pv, hvm'),
        (lambda: xenops_cpu.level([SKYLAKE], xen="3.4"), '"3.4" is not a Xen release'),
        (lambda: xenops_cpu.explain_feature("NOPE"), "NOPE"),
        (lambda: xenops_cpu.explain_feature(2048), "feature 2048: 0 to 2047 are possible"),
        (lambda: xenops_cpu.explain_feature(-1), "feature -1: 0 to 2047"),
        (lambda: xenops_cpu.explain_feature("RTM", WORDS), "a featureset is known, and no host"),
        (lambda: xenops_cpu.compare_hosts(SKYLAKE, WORDS), "a featureset is known, and no host"),
        (lambda: xenops_cpu.start_vm(WORDS), "a featureset is known, and no host"),
        (lambda: xenops_cpu.start_vm(SKYLAKE, toolstack="xm"), '"xm" is no toolstack'),
        (lambda: xenops_cpu.derive_host("Pentium Pro 200"), "Pentium Pro 200"),
        (lambda: xenops_cpu.derive_host("Xeon Gold 6240", "4.7"), "4.7"),
        (lambda: xenops_cpu.derive_host("Xeon Gold 6240", cmdline="tsx=maybe"), "tsx"),
        (lambda: xenops_cpu.derive_host("Xeon Gold 6240", microcode="soon"), "no microcode"),
        (lambda: xenops_cpu.derive_host(Path("/nope")), "cannot read /nope"),
        (lambda: xenops_cpu.feature_names("12g4"), "featureset word 0"),
        (lambda: xenops_cpu.fleet_query("cobol"), "no engine .* duckdb, spark"),
        (lambda: xenops_cpu.settle([1], [0], 1, 2, ["4.17"]), "in_all has bits"),
    ],
)
def test_errors_are_the_packages_own(call: Any, error: str) -> None:
    """Each an Error with a sentence; no KeyError, no TypeError, no traceback out of the rooms."""
    with pytest.raises(xenops_cpu.Error, match=error):
        call()


def test_a_source_that_is_not_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's CPU where it cannot be read: an Error, with its remedy."""

    def missing(_: Any = None) -> Any:
        raise SourceError("no CPUID here", "name a CPU")

    monkeypatch.setattr("xenops_cpu.sources.simulated.this_machine", missing)
    with pytest.raises(xenops_cpu.Error, match="no CPUID here; name a CPU"):
        xenops_cpu.derive_host()
