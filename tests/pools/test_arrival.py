"""What a guest finds changed where its VM goes, and what of that is not known."""

from __future__ import annotations

from functools import cache

import pytest
from attrs import evolve

from tests.support.guests import EPYC, ICELAKE, SKYLAKE
from tests.support.pools import HVM, PV, host
from xenops_cpu.cpuid.fields import ADDRESSES, CATEGORIES, FEATURES, LIMITS, MSRS
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.guests.start import start
from xenops_cpu.guests.toolstacks import XAPI, XL, Settings
from xenops_cpu.inputs.reader import Reader
from xenops_cpu.interface import GuestType
from xenops_cpu.pools import registers
from xenops_cpu.pools.arrival import PARTS, Move, move, moves
from xenops_cpu.pools.level import level_of
from xenops_cpu.pools.member import Member
from xenops_cpu.pools.verdict import check_all
from xenops_cpu.pools.vm import Vm, started_on, with_policy


@cache
def real(cpu: str, xen: str = "4.17") -> Member:
    """A shipped CPU, with what decides on its guests."""
    return Reader().hosts([f"{cpu}=cpu:{cpu}@{xen}"])[0].member


def known(step: Move | None) -> Move:
    assert step is not None
    assert step.arrival is not None
    assert step.unknown == ""
    return step


def said(step: Move | None) -> object:
    """All that is said of a move."""
    if step is None or step.arrival is None:
        return step
    kind = step.arrival.domain and step.arrival.domain.config.type
    return kind, step.refused, step.arrival.changes, step.predicted, step.assumed


@pytest.mark.parametrize("guest", [HVM, PV])
@pytest.mark.parametrize("xen", ["4.13", "4.16", "4.20", "xenserver-8"])
def test_on_a_host_that_is_alike_nothing_changes(xen: str, guest: GuestType) -> None:
    """Every part of the policy is as before."""
    there = real(EPYC, xen)
    step = known(move(started_on(there, guest), there))
    assert step.arrival is not None
    if xen != "4.13":  # there the toolstack makes a new one
        assert step.arrival.changes == ()
        assert step.as_before == PARTS == (FEATURES, *CATEGORIES)


def test_what_is_cleared_is_what_the_verdict_misses() -> None:
    """Beside the features of the verdict, what no featureset has: address widths, SPEC_CTRL."""
    vm = started_on(real(ICELAKE), HVM)
    (answer,) = check_all([vm], [real("core-i5-5250u")])
    step = known(move(vm, answer.host))
    assert answer.move == step
    cleared = {change.flag for part in (FEATURES, MSRS) for change in step.changes(part)
               if change.lost and change.flag}  # fmt: skip
    # How the CPU saves x87 state is in no featureset that a guest is given.
    assert cleared == {lack.name for lack in answer.missing} | {"FDP_EXCP_ONLY"}
    (width,) = step.changes(ADDRESSES)
    assert str(width) == "physical addresses: 46 bits → 39 bits"
    assert width.lost
    assert ADDRESSES not in step.as_before
    assert LIMITS in step.as_before
    assert step.predicted == f"as xl starts it on {ICELAKE} with its defaults"


def test_a_policy_that_was_read_is_no_prediction() -> None:
    """It counts before what the host would give, with what it was created for."""
    source = real(SKYLAKE, "4.15")
    xen = source.hypervisor()
    assert xen is not None
    policy = xen.default_lists["hvm"]
    vm = with_policy(Vm("v", HVM, source.boot(HVM)), policy)
    assert known(move(vm, source)).predicted == ""


def test_a_refusal_has_xens_place_and_no_changes() -> None:
    """A highest subleaf that is above the host's CPU's, as up to 4.16."""
    vm = started_on(real("xeon-w7-2475x", "4.15"), HVM)
    step = known(move(vm, real(SKYLAKE, "4.16")))
    assert step.refused.startswith("EINVAL at CPUID 7:0: the highest subleaf")
    assert step.as_before == ()
    assert not any(step.changes(part) for part in PARTS)


def test_what_is_not_known_is_said() -> None:
    """The VM's policy, the host's, or those of the host where it was started."""
    there, bare = real(SKYLAKE), host("bare", "FPU")
    features = there.boot(HVM)
    assert move(Vm("v", HVM, features), there) == Move(
        unknown="the VM's whole CPU policy is not known"
    )
    assert move(started_on(there, HVM), bare) == Move(
        unknown="the CPU policies of the host are not known"
    )
    step = move(started_on(bare, HVM), there)
    assert step is not None
    assert step.unknown.endswith("nor are the policies of bare")


def test_a_vm_that_could_not_have_been_started_there() -> None:
    """What it has is not known where Xen there creates no such guest, or refuses its features."""
    there = real(SKYLAKE)
    xen = there.hypervisor()
    assert xen is not None
    neither = evolve(xen, hap=False, build=evolve(xen.build, shadow=False))
    vm = started_on(evolve(there, hypervisor=lambda: neither), HVM)
    words = "the host where it was started would not build it so: EOPNOTSUPP"
    step = move(vm, real(ICELAKE))
    assert step is not None
    assert step.unknown.startswith(words)
    assert "without shadow paging" in step.unknown
    newest = real(SKYLAKE, "4.20")
    long = started_on(newest, HVM, level=Featureset(1 << 30 * 32, 31))
    step = move(long, real(ICELAKE))
    assert step is not None
    assert step.unknown.startswith(words)


def test_where_nothing_is_taken_along_there_is_nothing_to_find() -> None:
    """A VM that boots, one that is there already, a host without such guests."""
    there = real(SKYLAKE)
    vm = started_on(there, HVM)
    assert move(Vm("new", HVM), there) is None
    assert move(evolve(vm, halted=True), there) is None
    assert move(evolve(vm, home="u"), evolve(there, uuid="u")) is None
    assert move(vm, evolve(there, offers={})) is None


def test_vms_that_are_alike_are_looked_at_once() -> None:
    """One object for both, another for another host."""
    first, second = (started_on(real(SKYLAKE), HVM, name) for name in ("a", "b"))
    one, same, other = moves([(first, real(ICELAKE)), (second, real(ICELAKE)), (first, real(EPYC))])
    assert one is same
    assert one is not other


def test_a_level_does_not_reach_registers() -> None:
    """Levelled to two hosts and booted on the newer, a VM loses what it got there, as is said."""
    members = [real(ICELAKE), real(SKYLAKE)]
    level = level_of(members, HVM).featureset
    vm = started_on(members[0], HVM, level=level)
    home, there = check_all([vm], members)
    assert there.missing == ()
    (note,) = (note for note in there.notes if note.startswith("no level reaches registers"))
    assert f"booted on {ICELAKE}, it has also RDCL_NO EIBRS" in note
    step = known(move(vm, members[1]))
    cleared = [change.flag for change in step.changes(MSRS) if change.lost and change.flag]
    assert note.endswith(f"Xen here clears {' '.join(cleared)} without a word")
    assert "clears" not in "".join(home.notes)
    assert step.predicted.endswith("with that featureset")


def test_where_a_record_booted_is_where_it_is() -> None:
    """Of a VM that runs on one of the hosts its registers are said; else that they are unknown."""
    members = [evolve(real(ICELAKE), uuid="u"), real(SKYLAKE)]
    level = level_of(members, HVM).featureset
    at_home = Vm("v", HVM, level, home="u")
    (_, there) = check_all([at_home], members)
    assert any(f"booted on {ICELAKE}, it has also" in note for note in there.notes)
    (there,) = check_all([Vm("v", HVM, level)], members[1:])
    assert any("gave where it booted, which is not known" in note for note in there.notes)
    without = level - level_of(members, HVM).release.featureset(["ARCH_CAPS"])
    assert list(registers.beside(Vm("v", HVM, without), members[1], None)) == []
    policy = with_policy(at_home, real(SKYLAKE).host.policies["hvm_default"])  # type: ignore[union-attr]
    assert list(registers.beside(policy, members[1], members[0])) == []


def test_a_release_that_reads_no_policies() -> None:
    """Where a VM comes from has to be known there; from a release that sends none it may come, and
    from a newer one it may not.
    """
    source, there = real(SKYLAKE), real(SKYLAKE, "4.13")
    xen = source.hypervisor()
    assert xen is not None
    vm = with_policy(Vm("v", HVM, source.boot(HVM)), xen.default_lists["hvm"])
    assert move(vm, there) == Move(
        unknown="which release it comes from is not known, and the host's reads no CPU policy from "
        "a stream"
    )
    assert known(move(evolve(vm, origin="4.13"), there)).refused == ""
    assert "version 2 only" in known(move(evolve(vm, origin="4.17"), there)).refused


def test_what_was_assumed_of_both_hosts() -> None:
    """First of the one where it was started, then of the one where it goes; each sentence once."""
    ivy, sky = real("core-i7-4930k"), real(SKYLAKE)
    of_ivy, of_sky = (
        f"{name}: the CPU's dump does not say how large all parts of its saved state are "
        f"(components {number}): sizes in leaf dh are too small where a guest has them"
        for name, number in ((ivy.name, 2), (sky.name, 9))
    )
    assert known(move(started_on(ivy, HVM), sky)).assumed == (of_ivy, of_sky)
    assert known(move(started_on(ivy, HVM), ivy)).assumed == (of_ivy,)
    step = known(move(started_on(sky, HVM), ivy))
    assert step.assumed == (of_sky, of_ivy)
    xen = sky.hypervisor()
    assert xen is not None
    assert "the VMX control registers are not known: assumed after CPUID" in xen.notes
    assert "the VMX control registers are not known: assumed after CPUID" in sky.notes


def test_vms_that_differ_in_one_thing_are_not_alike() -> None:
    """Guest type, how it runs, features, where it was started, release, policy, where it is."""
    sky, there = real(SKYLAKE), evolve(real(ICELAKE), uuid="u")
    xen, other = sky.hypervisor(), real(EPYC).hypervisor()
    assert xen is not None
    assert other is not None
    vm = started_on(sky, HVM)
    read = evolve(with_policy(vm, xen.default_lists["hvm"]), origin="")
    vms = [
        vm,
        started_on(sky, PV),
        evolve(vm, runs_as="PVH"),
        started_on(sky, HVM, level=sky.boot(HVM) - sky.release.featureset(["AVX2"])),
        evolve(vm, started=real(EPYC)),
        evolve(vm, started=None),
        evolve(vm, origin="4.13"),
        evolve(vm, home="u"),
        evolve(vm, halted=True),
        read,
        with_policy(read, other.default_lists["hvm"]),
    ]
    expected = [said(move(each, there)) for each in vms]
    assert [said(step) for step in moves((each, there) for each in vms)] == expected
    backwards = [said(step) for step in moves((each, there) for each in reversed(vms))]
    assert backwards == expected[::-1]
    (alone, here) = moves([(vm, real(ICELAKE)), (evolve(vm, home="u"), there)])
    assert alone is not None
    assert here is None


@pytest.mark.parametrize(("nested", "refused"), [(True, "nested virtualisation"), (False, "")])
def test_a_vm_that_runs_vms_itself_is_created_so(nested: bool, refused: str) -> None:
    """By SVM in its policy; Xen 4.19 and later asks more of old CPUs of AMD's for that."""
    source = real("opteron-2378", "4.18")
    xen = source.hypervisor()
    assert xen is not None
    policy = start(xen, Settings(nested=nested), XL).domain.policy
    vm = with_policy(Vm("v", HVM, source.boot(HVM), origin="4.18"), policy)
    assert refused in known(move(vm, real("opteron-2378", "4.20"))).refused
    assert bool(known(move(vm, real("opteron-2378", "4.20"))).refused) is nested


@pytest.mark.parametrize(("xen", "lost"), [("xenserver-8", ["AVX2"]), ("4.17", [])])
def test_what_a_vm_remembers_counts_where_xapi_makes_its_policy_anew(
    xen: str, lost: list[str]
) -> None:
    """The stream of XenServer 8.2 carries no policy: xapi asks for the record, xl for nothing."""
    source = real(SKYLAKE, "xenserver-8.2")
    hypervisor = source.hypervisor()
    assert hypervisor is not None
    policy = start(hypervisor, Settings(), XAPI).domain.policy
    features = source.boot(HVM) - source.release.featureset(["AVX2"])
    vm = with_policy(Vm("v", HVM, features, origin=source.release.name), policy)
    step = known(move(vm, real(SKYLAKE, xen)))
    assert [change.flag for change in step.changes(FEATURES) if change.flag == "AVX2"] == lost


@pytest.mark.parametrize(
    ("guest", "runs_as", "kind"),
    [(PV, "", "pv"), (HVM, "", "hvm"), (HVM, "HVM", "hvm"), (HVM, "PVH", "pvh"),
     (HVM, "PV in PVH", "pvh")],
)  # fmt: skip
def test_it_is_created_as_what_it_runs_as(guest: GuestType, runs_as: str, kind: str) -> None:
    """HVM where that is not told."""
    vm = evolve(started_on(real(SKYLAKE), guest), runs_as=runs_as)
    step = known(move(vm, real(ICELAKE)))
    assert step.arrival is not None
    assert step.arrival.domain is not None
    assert step.arrival.domain.config.type == kind


def test_a_move_that_is_not_known_tells_nothing() -> None:
    """No refusal, no changes, and no part that would be as before."""
    step = Move(unknown="why")
    assert (step.refused, step.as_before) == ("", ())
    assert [step.changes(part) for part in PARTS] == [()] * len(PARTS)


@pytest.mark.parametrize(("guest", "runs_as", "has"), [(HVM, "PVH", True), (PV, "", False)])
def test_it_was_started_by_the_hosts_own_toolstack(
    guest: GuestType, runs_as: str, has: bool
) -> None:
    """xl gives a PVH guest what HVM guests get; by xenguest's defaults it would get PV guests'."""
    sky = real(SKYLAKE)
    step = known(move(evolve(started_on(sky, guest), runs_as=runs_as), sky))
    assert step.arrival is not None
    assert step.arrival.domain is not None
    features = step.arrival.domain.table.features(sky.release)
    assert bool(features >> sky.release.features["VME"].number & 1) is has
