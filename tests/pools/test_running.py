"""VMs that run, held to their records, to the level and to where they may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host
from xenops_cpu.errors import InputError
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.member import Member
from xenops_cpu.pools.running import level_of, of_running, record_of
from xenops_cpu.pools.vm import Vm

# What makes a record of CPUID and of ARCH_CAPS: the register is there with that feature alone.
HOST = host("h", "FPU SSE", "RTM")
REGISTERS = host("h", "FPU SSE ARCH_CAPS RDCL_NO", "MDS_NO")


def vm(text: str, uuid: str = "u") -> Vm:
    return Vm("v", HVM, names(text), uuid=uuid)


def texts(
    running: Vm,
    records: Sequence[Vm],
    members: Sequence[Member] = (HOST,),
    level: Mapping[GuestType, Featureset] | None = None,
) -> list[str]:
    """What is found of one VM, each said of its record where there is one."""
    findings = list(of_running([running], records, members, level or {}))
    expected = record_of(running, records) or running
    assert all(finding.vm is expected for finding in findings)
    return [finding.text for finding in findings]


def test_a_vm_as_its_record_says() -> None:
    """Nothing is found, on no host."""
    assert texts(vm("FPU SSE"), [vm("FPU SSE")]) == []


def test_a_vm_without_a_record() -> None:
    """Of the records none is its: by UUID where it has one, whatever the names are."""
    (text,) = texts(vm("FPU", "u"), [vm("FPU", "w")])
    assert text == "it runs, and of the records that were read none is its"


@pytest.mark.parametrize(
    ("uuids", "expected"), [(["w"], 0), ([""], 0), (["w", "x"], None), ([], None)]
)
def test_a_vm_without_a_uuid(uuids: list[str], expected: int | None) -> None:
    """It is known by its name, where one record alone has that."""
    records = [vm("FPU", uuid) for uuid in uuids]
    record = record_of(vm("FPU", ""), [*records, evolve(vm("FPU"), name="another")])
    assert record is (None if expected is None else records[expected])


def test_a_vm_without_a_record_does_not_hide_others() -> None:
    """Those after it are looked at."""
    running = [vm("FPU", "w"), vm("FPU SSE AVX", "u")]
    findings = list(of_running(running, [vm("FPU SSE", "u")], [HOST], {}))
    assert [finding.vm.uuid for finding in findings] == ["w", "u", "u"]


def test_the_record_is_found_by_its_uuid() -> None:
    """Among several of one name."""
    records = [vm("FPU", "a"), vm("FPU", "b")]
    assert record_of(vm("FPU", "b"), records) is records[1]


def test_less_than_its_record() -> None:
    """Xen cleared it where the VM started: xapi refuses hosts for it all the same."""
    less, refused = texts(vm("FPU SSE"), [vm("FPU SSE AVX")])
    assert less == (
        "it lacks AVX, which its record has: the host where it started did not give that, and "
        "xapi refuses hosts for what the VM never saw"
    )
    assert refused == (
        "xapi refuses h for AVX, which the VM does not have: forcing that migration takes no "
        "feature from it"
    )


def test_bits_of_compatibility_are_not_lacked() -> None:
    """What a record has for xapi's own reasons no VM ever saw."""
    assert texts(vm("FPU SSE"), [vm("FPU SSE HTT X2APIC")], [host("h", "FPU SSE HTT X2APIC")]) == []


def test_more_than_its_record() -> None:
    """Nobody asks whether the next host takes that in; where it does not, the VM loses it."""
    more, lost = texts(vm("FPU SSE AVX"), [vm("FPU SSE")])
    assert more == (
        "it has AVX, which its record lacks: xapi does not ask whether the next host takes that in"
    )
    assert lost == (
        "at a migration to h, which xapi allows, it loses AVX without a word from anybody"
    )
    assert texts(vm("FPU SSE RTM"), [vm("FPU SSE")]) == [more.replace("AVX", "RTM")]


def test_other_registers_than_its_record() -> None:
    """What it has of ARCH_CAPS is the default of the host where it started; both ways are said."""
    base = "FPU SSE ARCH_CAPS"
    rest = (
        "other than its record: no level reaches that register, it is the default of the host "
        "where the VM started"
    )
    running, record = vm(f"{base} RDCL_NO"), vm(f"{base} MDS_NO")
    assert texts(running, [record], [REGISTERS]) == [
        f"of ARCH_CAPS it has RDCL_NO and lacks MDS_NO, {rest}"
    ]
    assert texts(running, [vm(base)], [REGISTERS]) == [f"of ARCH_CAPS it has RDCL_NO, {rest}"]
    assert texts(vm(base), [record], [REGISTERS]) == [f"of ARCH_CAPS it lacks MDS_NO, {rest}"]


def test_a_host_that_refuses_what_the_vm_has() -> None:
    """The refusal is right: nothing is to be said of it."""
    assert texts(vm("FPU SSE AVX"), [vm("FPU SSE AVX")]) == []


def test_a_refusal_for_other_reasons() -> None:
    """Where another vendor's CPU keeps it out, features are not what it is about."""
    foreign = host("h", "FPU SSE", vendor="AuthenticAMD")
    record = evolve(vm("FPU SSE AVX"), vendor="GenuineIntel")
    (less,) = texts(vm("FPU SSE"), [record], [foreign])
    assert less.startswith("it lacks AVX")


def test_only_other_hosts_count() -> None:
    """Not the one on which it is, nor one that runs no such guests."""
    here = evolve(HOST, uuid="home")
    record = evolve(vm("FPU SSE"), home="home")
    only_pv = evolve(HOST, offers={PV: HOST.offers[PV]})
    assert len(texts(vm("FPU SSE AVX"), [record], [here, only_pv])) == 1
    there = evolve(HOST, name="there", uuid="away")
    assert texts(vm("FPU SSE AVX"), [record], [here, only_pv, there])[1].startswith(
        "at a migration to there, "
    )


def test_a_record_that_has_seen_nothing() -> None:
    """It is held to the level alone."""
    record = Vm("v", HVM, None, uuid="u")
    (text,) = texts(vm("FPU SSE AVX"), [record], level={HVM: names("FPU SSE")})
    assert text.startswith("it has AVX, which the pool's level has not")


@pytest.mark.parametrize(
    ("has", "level", "gains"), [("FPU AVX", "FPU", ""), ("FPU AVX", "FPU SSE", ", and gains SSE")]
)
def test_more_than_the_level(has: str, level: str, gains: str) -> None:
    """It loses that at its next start, and gains what the level has by then."""
    taking = host("h", "FPU SSE AVX")
    (text,) = texts(vm(has), [vm(has)], [taking], {HVM: names(level)})
    assert text == (
        "it has AVX, which the pool's level has not: at its next start it loses that" + gains
    )


def test_what_is_no_finding_beside_the_level() -> None:
    """Less than it, a register's bits, a featureset of the VM's own, a level of other guests."""
    taking = host("h", "FPU SSE AVX ARCH_CAPS RDCL_NO")
    less = vm("FPU ARCH_CAPS RDCL_NO")
    assert texts(less, [less], [taking], {HVM: names("FPU SSE ARCH_CAPS")}) == []
    more = vm("FPU AVX")
    own = evolve(more, own=names("FPU AVX"))
    assert texts(more, [own], [taking], {HVM: names("FPU")}) == []
    assert texts(more, [more], [taking], {PV: names("FPU")}) == []


def test_a_vm_whose_features_are_not_known() -> None:
    """It counts as one that has none."""
    lacks, refused = texts(Vm("v", HVM, None, uuid="u"), [vm("FPU AVX")])
    assert lacks.startswith("it lacks FPU AVX")
    assert refused.startswith("xapi refuses h for AVX")
    refused = texts(Vm("v", HVM, None, uuid="u"), [vm("FPU AVX SHA")])[1]
    assert refused.startswith("xapi refuses h for AVX SHA, which the VM does not have")


def test_a_vm_with_more_words_than_its_host_knows() -> None:
    """What has no name is no register's."""
    longer = Featureset(names("FPU").bits | 1 << 19 * 32, 20)
    more, lost = texts(evolve(vm("FPU"), features=longer), [vm("FPU")])
    assert more.startswith("it has <19*32+0>, which its record lacks")
    assert lost.startswith("at a migration to h, which xapi allows, it loses <19*32+0>")


def test_the_level_of_a_stored_record() -> None:
    """By guest type, the sets for a VM's start before those that arrive; an empty one is none."""
    assert level_of(
        {
            "features_hvm": "1-1-1",
            "features_hvm_host": "1-0-0",
            "features_pv": "2-0-0",
            "features_pv_host": "",
        }
    ) == {HVM: Featureset.parse("1-0-0"), PV: Featureset.parse("2-0-0")}
    assert level_of({"features_pv": ""}) == {}
    with pytest.raises(InputError, match="the pool's record: features_hvm_host"):
        level_of({"features_hvm_host": "red"})
