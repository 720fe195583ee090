"""A pool in every notation that people have it in: the same hosts and VMs come out of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import define

from tests.cli.test_cli import run
from tests.support.world import NOTATIONS, World, WorldHost, WorldVm
from xenops_cpu import inputs
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.vm import Vm

PV, HVM = GuestType.PV, GuestType.HVM
SEEN = {"vendor": "GenuineIntel", "features": "178bfbfd-f6f83203-00000001-00000121-00000007"}
SETS = {"features_pv": "1-1-1-1-1", "features_hvm": "3-1-1-1-1"}


def read(world: World, notation: str, folder: Path) -> inputs.Input:
    path = folder / f"pool.{notation}"
    path.write_text(getattr(world, notation)())
    return inputs.read(path)


def vm(folder: Path, notation: str, current: str = "", **fields: object) -> Vm:
    world = World(vms=[WorldVm("v", SEEN, fields=fields, current_type=current)])
    found = read(world, notation, folder).vm
    assert found is not None
    return found


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_pv_guest_of_old(tmp_path: Path, notation: str) -> None:
    """An empty HVM_boot_policy is a PV guest's, with or without an unspecified domain_type."""
    for fields in ({"HVM_boot_policy": ""}, {"domain_type": "unspecified", "HVM_boot_policy": ""}):
        old = vm(tmp_path, notation, "", **fields)
        assert (old.guest, old.typed) == (PV, True)
    assert vm(tmp_path, notation, "", HVM_boot_policy="BIOS order").guest is HVM
    untold = vm(tmp_path, notation)
    assert (untold.guest, untold.typed) == (HVM, False)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_type_that_it_runs_as_counts(tmp_path: Path, notation: str) -> None:
    """What a VM is set to boot as next time says nothing of what it has seen."""
    running = vm(tmp_path, notation, "pv", domain_type="hvm", power_state="Running")
    assert running.guest is PV
    changed = vm(tmp_path, notation, "pv_in_pvh", domain_type="pv", power_state="Running")
    assert changed.guest is HVM
    halted = vm(tmp_path, notation, "pv", domain_type="hvm", power_state="Halted")
    assert (halted.guest, halted.halted) == (HVM, True)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_what_is_no_vm_is_left_out_and_counted(tmp_path: Path, notation: str) -> None:
    """Templates, control domains and snapshots have flags too; a suspended snapshot may resume."""
    world = World(
        vms=[
            WorldVm("template", SEEN, fields={"is_a_template": True}),
            WorldVm("dom0", SEEN, fields={"is_control_domain": True, "power_state": "Running"}),
            WorldVm("snapshot", SEEN, fields={"is_a_snapshot": True, "power_state": "Halted"}),
            WorldVm("checkpoint", SEEN, fields={"is_a_snapshot": True, "power_state": "Suspended"}),
            WorldVm("new", {}, fields={"is_a_template": False}),
        ]
    )
    found = read(world, notation, tmp_path)
    assert [(one.name, one.features is None) for one in found.vms] == [
        ("checkpoint", False),
        ("new", True),
    ]
    assert found.left_out == {"template": 1, "control domain": 1, "snapshot": 1}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_equal_names_are_told_apart(tmp_path: Path, notation: str) -> None:
    """Hosts and VMs have UUIDs; a later one of a name gets a number, and says so."""
    world = World(
        hosts=[WorldHost("xenserver", SETS, uuid=f"h{n}") for n in range(3)],
        vms=[WorldVm("web", SEEN, uuid=f"v{n}") for n in range(2)],
    )
    found = read(world, notation, tmp_path)
    assert found.host_names == ("xenserver", "xenserver (2)", "xenserver (3)")
    assert [each.host.uuid for each in found.hosts] == ["h0", "h1", "h2"]
    assert any("another of the same name" in note for note in found.hosts[1].host.notes)
    assert [one.name for one in found.vms] == ["web", "web (2)"]
    assert any("another of the same name" in note for note in found.vms[1].notes)
    first = 'another of the same name, "web", is there: told apart by a number (this is web, v0)'
    assert first in found.vms[0].notes
    assert [each.name for each in found.only("h1").hosts] == ["xenserver (2)"]
    assert [one.uuid for one in found.only("v1").vms] == ["v1"]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_build_names_the_release(tmp_path: Path, notation: str) -> None:
    """A XenServer host is never taken for upstream, with or without its version."""
    sets = {"features_pv": "-".join(["00000001"] * 23)}
    world = World([WorldHost("a", sets, xen="4.17.6-2"), WorldHost("b", sets)])
    told, untold = (each.host for each in read(world, notation, tmp_path).hosts)
    assert told.release.name == untold.release.name == "xenserver-8-4.17.6-2"
    assert not any("words" in note for note in told.notes)
    assert any("by its 23 words" in note for note in untold.notes)


def test_every_notation_tells_the_same(tmp_path: Path) -> None:
    """Names, UUIDs, types, states, features: whatever a person has the pool as."""
    world = World(
        hosts=[WorldHost("a", SETS, xen="4.17.6-2"), WorldHost("b", SETS, vendor="AuthenticAMD")],
        vms=[
            WorldVm("one", SEEN, fields={"domain_type": "pvh", "power_state": "Running"}),
            WorldVm("two", SEEN, fields={"domain_type": "pv", "power_state": "Halted"}),
            WorldVm("three", {}, fields={"domain_type": "hvm", "power_state": "Suspended"}),
        ],
    )

    def facts(found: inputs.Input) -> list[object]:
        hosts = [
            (
                each.name,
                each.host.uuid,
                each.host.vendor,
                each.host.featuresets,
                each.host.release.name,
            )
            for each in found.hosts
        ]
        vms = [
            (one.name, one.uuid, one.guest, one.typed, one.halted, one.features, one.vendor)
            for one in found.vms
        ]
        return [hosts, vms, [(one.kind, one.name, one.uuid) for one in found.stored]]

    first, *others = (facts(read(world, notation, tmp_path)) for notation in NOTATIONS)
    assert all(other == first for other in others)


@define
class Unrecorded(WorldHost):
    """A host of which xapi has written nothing yet."""

    @property
    def cpu_info(self) -> dict[str, str]:
        return {}


@pytest.mark.parametrize("notation", ["database", "json"])
def test_a_host_without_a_record_is_not_left_out_in_silence(tmp_path: Path, notation: str) -> None:
    """A pool's answer without one of its hosts is another pool's: it is said which is not there."""
    world = World([WorldHost("a", SETS, uuid="h0"), Unrecorded("new host", {}, uuid="h1")])
    pool = read(world, notation, tmp_path)
    assert pool.host_names == ("a",)
    assert pool.damage == (
        "xapi has no CPU record (cpu_info) of new host: left out, and what is said of the pool is "
        "said without it"
    )
    done = run("level", str(tmp_path / f"pool.{notation}"))
    assert done.returncode == 0
    assert "no CPU record (cpu_info) of new host" in done.stderr
