"""One pool out of many files: databases, bug reports, captures and texts, each host and VM once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve

from tests.cli.test_cli import run
from tests.support.hosts import example
from tests.support.reports import report, tar
from tests.support.world import World, WorldHost, WorldVm
from xenops_cpu import inputs
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.hosts.moment import Moment
from xenops_cpu.inputs import Input, together
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.vm import Vm

POOL = "6f1c0000-0000-4000-8000-000000000000"
FIRST, SECOND = (f"a000000{n}-0000-4000-8000-000000000000" for n in (1, 2))
VMS = [f"b000000{n}-0000-4000-8000-000000000000" for n in range(4)]


def sets(name: str = "epyc-xen-4.17") -> dict[str, str]:
    return {key: v for key, v in xapi_map(cpu_info(example(name))).items() if "features" in key}


def a_world(generation: int = 100) -> World:
    """Two hosts and three VMs of one pool; the database of a member has the same."""
    info = sets()
    flags = {"vendor": "AuthenticAMD", "features": info["features_hvm_host"]}
    running = {"domain_type": "hvm", "power_state": "Running"}
    return World(
        [
            WorldHost(f"xs-0{n}", info, uuid=uuid, vendor="AuthenticAMD", xen="4.17.7",
                      enabled=True)
            for n, uuid in enumerate((FIRST, SECOND), 1)
        ],
        [WorldVm(f"vm-{n}", flags, uuid=VMS[n], fields=running, home=n % 2) for n in range(3)],
        pool={"vendor": "AuthenticAMD", "cpu_count": "16", "socket_count": "2",
              **{key: info[key] for key in ("features_pv_host", "features_hvm_host")}},
        pool_uuid=POOL,
        generation=generation,
    )  # fmt: skip


def a_report(
    number: int, world: World, dumped: World | None, when: str = "20260101093000"
) -> dict[str, bytes]:
    """Of the host of that number; `world` is the file of its xapi, `dumped` live."""
    root = f"bug-report-{when}"
    files = report(f"host-{number}.example", folder=root)
    uuid = (FIRST, SECOND)[number - 1]
    files[f"{root}/etc/xensource-inventory"] = f"INSTALLATION_UUID='{uuid}'\n".encode()
    role = "master" if number == 1 else "slave:10.0.0.11"
    files[f"{root}/etc/xensource/pool.conf"] = role.encode()
    files[f"{root}/xapi-db.xml"] = world.database().encode()
    if dumped is not None:
        files[f"{root}/xapi-db-dumped.xml"] = dumped.database().encode()
    files[f"{root}/xen-ucode-show-cpu-info.out"] = (
        b"CPU signature 00-80-0f-12 (raw 0x00800f12) revision 0x08001250\n"
    )
    return files


def written(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    path = folder / name
    path.write_bytes(tar(files, "w:bz2"))
    return path


def test_a_report_has_two_copies_of_the_database(tmp_path: Path) -> None:
    """The one that is live counts: each VM once, and the older copy is said to be passed over."""
    old = a_world(50)
    old.vms.append(WorldVm("gone", old.vms[0].flags, uuid=VMS[3], home=1))
    path = written(tmp_path, "r.tar.bz2", a_report(2, old, a_world(100)))
    found = inputs.read(path)
    assert [vm.name for vm in found.vms] == ["vm-0", "vm-1", "vm-2"]
    assert found.host_names == ("xs-02", "xs-01")
    assert found.moment == Moment("2026-01-01T09:30:00Z", 100)
    assert any("xapi-db.xml, an older copy" in note for note in found.notes)
    done = run("audit", str(path))
    assert "gone" not in done.stdout
    assert "3 VMs with what 2 hosts can take in" in run("audit", str(path), "--json").stdout


def test_the_dumped_copy_counts_without_counts(tmp_path: Path) -> None:
    """Where no copy tells its generation, the one that went through the coordinator is taken."""
    for order in (1, -1):
        old, new = a_world(0), a_world(0)
        old.vms = old.vms[:1]
        files = a_report(1, old, new)
        path = written(tmp_path, f"{order}.tar.bz2", dict(list(files.items())[::order]))
        assert len(inputs.read(path).vms) == 3


def test_a_host_is_put_together_from_its_report(tmp_path: Path) -> None:
    """Xen's own sets and policies; xapi's name and place in the pool; microcode; its owner by
    INSTALLATION_UUID although its own name is another.
    """
    found = inputs.read(written(tmp_path, "r.tar.bz2", a_report(1, a_world(1), a_world(2))))
    first, second = (each.host for each in found.hosts)
    assert (first.name, first.uuid, first.recorded) == ("xs-01", FIRST, False)
    assert first.policies
    assert first.microcode == 0x08001250
    assert first.membership.pool == POOL
    assert (first.membership.coordinator, first.membership.enabled) == (True, True)
    assert (second.uuid, second.recorded) == (SECOND, True)
    assert second.membership.coordinator is False


def two_reports(folder: Path) -> tuple[Path, Path]:
    """One made after the other; a VM was shut down and another moved in between."""
    later = a_world(200)
    later.vms[0].fields = {"domain_type": "hvm", "power_state": "Halted"}
    later.vms[0].home = None
    later.vms[1].home = 0
    del later.vms[2]
    return (
        written(folder, "one.tar.bz2", a_report(1, a_world(100), a_world(100))),
        written(folder, "two.tar.bz2", a_report(2, a_world(100), later, "20260101120000")),
    )


def test_two_reports_of_one_pool(tmp_path: Path) -> None:
    """Each host with what its own report has of it; VMs as the newer database has them."""
    one, two = two_reports(tmp_path)
    for paths in ((one, two), (two, one)):
        whole = together.together([inputs.read(path) for path in paths])
        assert sorted(whole.host_names) == ["xs-01", "xs-02"]
        assert all(each.host.policies for each in whole.hosts)
        assert {vm.name: (vm.halted, vm.home) for vm in whole.vms} == {
            "vm-0": (True, ""),
            "vm-1": (False, FIRST),
        }
        assert any("from which these have gone: vm-2" in note for note in whole.notes)
        assert len(whole.stored) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("level", "{one}", "{two}"),
        ("check", "vm-1", "{one}", "{two}"),
        ("check", "{two}#vm-1", "{one}", "{two}"),
        ("audit", "{one}", "{two}"),
        ("plan", "leave", "xs-01", "--pool", "{one}", "{two}"),
        ("plan", "evacuate", "xs-02", "--pool", "{one}", "{two}"),
        ("forecast", "{one}", "{two}", "--to-xen", "4.18"),
        ("emit", "xl", "{one}", "{two}"),
        ("split", "{one}", "{two}"),
        ("report", "{one}", "{two}", "--html", "-"),
    ],
)
def test_every_command_takes_two_reports(tmp_path: Path, command: tuple[str, ...]) -> None:
    """No host and no VM is told twice, under a number or otherwise."""
    one, two = two_reports(tmp_path)
    done = run(*(word.format(one=one, two=two) for word in command))
    assert done.returncode in (0, 1, 11), done.stderr
    assert "(2)" not in done.stdout
    assert "a fault in this program" not in done.stderr
    assert "two.tar.bz2, from which these have gone: vm-2" in done.stderr


def test_reading_them_together(tmp_path: Path) -> None:
    """`read` says that they are of one pool; --together tells it once, also as captures."""
    one, two = two_reports(tmp_path)
    apart = run("read", str(one), str(two))
    assert "2 of these hosts are others of them, by UUID: --together" in apart.stdout
    whole = run("read", str(one), str(two), "--together", "--json")
    (document,) = json.loads(whole.stdout)
    assert [host["name"] for host in document["hosts"]] == ["xs-01", "xs-02"]
    assert [vm["home"] for vm in document["vms"]] == ["", FIRST]
    folder = tmp_path / "captures"
    assert run("read", str(one), str(two), "--to", str(folder)).returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == ["xs-01.json", "xs-02.json"]
    kept = capture.load((folder / "xs-02.json").read_text())
    assert (kept.name, kept.uuid, kept.membership.pool) == ("xs-02", SECOND, POOL)
    again = run("level", *map(str, folder.iterdir()), str(one))
    assert again.returncode == 0
    assert "(2)" not in again.stdout


def test_names_apart_keep_hosts_apart(tmp_path: Path) -> None:
    """The same host before and after is two hosts where both are given a name."""
    host = evolve(example(), uuid=FIRST)
    paths = []
    for name in ("before", "after"):
        path = tmp_path / f"{name}.json"
        path.write_text(capture.dump(host))
        paths.append(path)
    apart = run("level", f"a={paths[0]}", f"b={paths[1]}", "--json")
    assert json.loads(apart.stdout)["levels"][0]["hosts"] == ["a", "b"]
    once = run("level", *map(str, paths), "--json")
    assert len(json.loads(once.stdout)["levels"][0]["hosts"]) == 1


def test_sources_that_differ_are_told_of(tmp_path: Path) -> None:
    """On standard error, with what differs and how to have both."""
    info = sets()
    less = {key: text.replace("f", "7", 1) for key, text in info.items()}
    for name, own in (("a", info), ("b", less)):
        (tmp_path / f"{name}.xml").write_text(World([WorldHost("xs-01", own, FIRST)]).database())
    done = run("level", str(tmp_path / "a.xml"), str(tmp_path / "b.xml"))
    assert done.returncode == 0
    assert "which of the two is newer is not known" in done.stderr
    assert "to have both, name them apart: NAME=HOST" in done.stderr


def vm(source: str, **facts: object) -> Vm:
    made = Vm("v", GuestType.HVM, uuid="v1", source=source)
    return evolve(made, **facts)  # type: ignore[arg-type]


def test_records_of_one_vm() -> None:
    """The newer counts; what only the other tells is added; of two of no order the last, said."""
    early, late = Moment("2026-01-01T00:00:00Z"), Moment("2026-02-01T00:00:00Z")
    first, second = vm("one", halted=True), vm("two", home=FIRST)
    for order in ([([first], early), ([second], late)], [([second], late), ([first], early)]):
        (whole,) = together.vms(order)
        assert (whole.source, whole.home, whole.notes) == ("two", FIRST, ())
    (whole,) = together.vms([([first], Moment()), ([second], Moment())])
    assert whole.source == "two"
    assert "which is newer is not known: what counts is two, not one" in whole.notes[0]
    untyped = vm("untyped", typed=False, notes=("its domain type is not told",))
    typed = vm("typed", guest=GuestType.PV, runs_as="PV")
    (whole,) = together.vms([([typed], early), ([untyped], late)])
    assert (whole.guest, whole.typed, whole.runs_as) == (GuestType.PV, True, "PV")


def test_pools_that_have_nothing_in_common() -> None:
    """Are left as they are: what has no UUID is never taken for another."""
    one = Input("one", "vm", vms=(Vm("v", GuestType.HVM), Vm("w", GuestType.HVM)))
    whole = together.together([one, one])
    assert [each.name for each in whole.vms] == ["v", "w", "v (2)", "w (2)"]
    assert together.together([one]) is one
