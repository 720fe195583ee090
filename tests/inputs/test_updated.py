"""xenops_cpu.inputs.updated: a host as it would be, of whatever is known of it."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import example
from xenops_cpu.cpus import wish
from xenops_cpu.features.release import release
from xenops_cpu.hosts import parts
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.hosts.host import Host
from xenops_cpu.hosts.record import of_cpu_info
from xenops_cpu.inputs import InputError, NamedHost, resolve
from xenops_cpu.inputs.assumed import assume
from xenops_cpu.inputs.known import known
from xenops_cpu.inputs.updated import Target, updated
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.lack import missing

NEWEST = Target(microcode=wish.NEWEST)


def simulated(name: str) -> NamedHost:
    return resolve(f"cpu:{name}").hosts[0]


def recorded(name: str, **changes: str) -> Host:
    """A simulated host of which xapi's record is known, and nothing else."""
    host = simulated(name).host
    info = xapi_map(cpu_info(host)) | changes
    told = of_cpu_info(info, "db")
    return parts.host(evolve(told, name="xs-01", uuid="u", version=host.xen.version), "db")


def names(host: Host, name: str) -> set[str]:
    featureset = host.featuresets.named(name)
    assert featureset is not None
    return set(host.release.names(featureset))


def test_a_shipped_cpu_with_other_microcode() -> None:
    """It is that CPU with that microcode; what the update itself changes is told."""
    old = simulated("xeon-platinum-8280+2019-11@xenserver-8")
    result = updated(old, NEWEST)
    expected = simulated("xeon-platinum-8280@xenserver-8").host
    for kind in ("hvm_default", "hvm_max", "pv_default"):
        assert names(result.host.host, kind) == names(expected, kind)
    assert result.microcode is not None
    assert "GDS_CTRL" in result.microcode.added
    assert result.assumed == ""
    assert result.microcode.after.basis in result.host.host.notes


def test_microcode_and_release_and_options_at_once() -> None:
    """A target has all three; what one leaves open another fills in."""
    old = simulated("xeon-gold-6240+2019-11@4.13")
    target = Target(xen=release("4.17")) | Target(cmdline="spec-ctrl=no-gds-mit") | NEWEST
    host = updated(old, target).host.host
    assert host.release.name == "4.17"
    assert host.xen.commandline == "spec-ctrl=no-gds-mit"
    assert "AVX" in names(host, "hvm_default")
    assert not Target()
    first = Target(xen=release("4.18")) | target
    assert first.xen is release("4.18")


@pytest.mark.parametrize(
    ("name", "cpu"),
    [
        ("xeon-e5-2696-v3@xenserver-8", "xeon-e5-2696-v3"),
        ("xeon-gold-6240+2021-06@xenserver-8-4.17.3-4", "xeon-gold-6212u"),
        ("epyc-7763@xenserver-8.2", "epyc-7763"),
    ],
)
def test_only_the_record_is_known(name: str, cpu: str) -> None:
    """The model's name finds the CPU, the sets find its microcode; the answer says "assumed"."""
    host = recorded(name)
    assumption = assume(host, "xs-01")
    assert assumption.cpu.shipped.id == cpu
    assert assumption.differing == 0
    target = Target(xen=release("4.20"))
    result = updated(NamedHost("xs-01", host), target)
    assert result.assumed.startswith(f"as cpu:{cpu}")
    assert "assumed" in result.assumed
    assert result.assumed in result.host.host.notes
    expected = updated(simulated(name), target).host.host
    for kind in ("hvm_default", "hvm_max", "pv_default", "pv_max"):
        assert names(result.host.host, kind) == names(expected, kind)
    assert result.host.host.uuid == "u"


def test_microcode_that_the_record_does_not_tell_and_the_new_xen_does() -> None:
    """All sets of 4.13 are the same with and without the microcode against GDS, and 4.17 offers AVX
    only with it: that is a doubt, unless the microcode comes with the update.
    """
    host = NamedHost("xs-01", recorded("xeon-platinum-8280+2019-11@4.13"))
    result = updated(host, Target(xen=release("4.17")))
    assert "AVX" in names(result.host.host, "hvm_max")
    assert result.doubt is not None
    assert "AVX" in result.doubt.missing
    assert "AVX" not in names(result.doubt.host.host, "hvm_max")
    assert str(result.doubt).startswith("its record fits microcode 05")
    known = updated(host, Target(xen=release("4.17"), microcode=wish.NEWEST))
    assert known.doubt is None
    told = NamedHost("xs-01", evolve(host.host, microcode=0x5003901))
    assert updated(told, Target(xen=release("4.17"))).doubt is None


def test_the_signature_finds_it_where_the_name_does_not() -> None:
    """A part of another clock is of the same family, model and stepping."""
    host = recorded("xeon-gold-6240@xenserver-8", modelname="Intel(R) Xeon(R) Gold 9999Y")
    assert assume(host, "x").cpu.shipped.microarchitecture == "Cascade Lake"


def test_a_cpu_that_nobody_ships() -> None:
    """It is said which, and what to do."""
    host = recorded("xeon-gold-6240@xenserver-8", modelname="Future CPU", model="250")
    with pytest.raises(InputError, match=r"its CPU \(Future CPU\) is not among those shipped"):
        updated(NamedHost("xs-01", host), Target(xen=release("4.20")))


def test_what_the_assumption_gets_wrong_is_kept() -> None:
    """A bit that the record has and the shipped CPU has not stays, and is named."""
    whole = recorded("xeon-gold-6240@xenserver-8")
    sets = whole.featuresets
    assert sets.hvm_max is not None
    odd = whole.release.featureset(["3DNOW"]).extended(sets.hvm_default.length)
    host = evolve(
        whole,
        featuresets=evolve(sets, hvm_default=sets.hvm_default | odd, hvm_max=sets.hvm_max | odd),
    )
    result = updated(NamedHost("xs-01", host), Target(cmdline="smt=0"))
    assert "3DNOW" in names(result.host.host, "hvm_default")
    assert "its sets differ in 2 bits" in result.assumed
    assert any("as they are now, for why is not known: 3DNOW" in note
               for note in result.host.host.notes)  # fmt: skip


def test_a_revision_that_is_told_counts() -> None:
    """What xen-ucode or dom0 says of the microcode is not guessed from the sets."""
    host = evolve(recorded("xeon-gold-6240@xenserver-8"), microcode=0x5003604)
    assert "05003604" in assume(host, "x").cpu.running.basis


def test_a_captured_host_with_its_microcode() -> None:
    """The raw policy is the CPU, the revision is the capture's; the rest is kept as it is."""
    host = evolve(example("skylake-server-xen-4.17"), microcode=0x1)
    result = updated(NamedHost("x", host), Target(microcode=wish.parse("as-dumped")))
    assert result.host.host.featuresets.hvm_default == host.featuresets.hvm_default
    assert result.assumed == ""


def test_wishes_that_cannot_be() -> None:
    """Microcode that the CPU never had, a release that is not derived."""
    with pytest.raises(InputError):
        updated(simulated("xeon-gold-6240"), Target(microcode=wish.parse("2009")))
    with pytest.raises(InputError, match=r"what Xen 4\.7 derives is not known"):
        updated(simulated("xeon-gold-6240"), Target(xen=release("4.7")))


@pytest.mark.parametrize(
    ("feature", "changes", "reason"),
    [
        ("AVX2", {},
         "the CPU does not show it: CPUID 0x00000007:0.ebx bit 5 is 0 (as on cpu:core-i7-4930k, "
         "assumed)"),
        ("AVX", {"features_hvm": "00000001-00000001"}, "the host's record does not have it"),
        ("AVX2", {"modelname": "Future CPU", "model": "250"}, "the host's record does not have it"),
    ],
)  # fmt: skip
def test_reasons_for_a_host_of_which_the_record_is_known(
    feature: str, changes: dict[str, str], reason: str
) -> None:
    """A shipped CPU of that name tells them, which is said; not where it disagrees with the record,
    nor of a CPU that nobody ships.
    """
    host = known(NamedHost("xs-01", recorded("core-i7-4930k@xenserver-8", **changes)))
    number = host.release.features[feature].number
    assert missing(host.member, GuestType.HVM, number).reason == reason
