"""The simulated source: what a release would offer, as a host like any other."""

import pytest

from xenops_cpu.cpuid.words import policy_featureset
from xenops_cpu.cpus import machine, shipped
from xenops_cpu.derivation import DERIVED_RELEASES, Machine, Options, policies
from xenops_cpu.features.release import release
from xenops_cpu.hosts.cpu_info import cpu_info, notes
from xenops_cpu.hosts.offer import inconsistencies, offers
from xenops_cpu.sources import SourceError, simulated
from xenops_cpu.sources.simulated import Simulated, other_cpu, this_machine


def cpu(name: str) -> simulated.Subject:
    return other_cpu(shipped.find(name).cpu)


def test_this_machine() -> None:
    """Without a subject it is this machine's CPU, its topology and its /proc/cpuinfo."""
    host = Simulated().read()
    assert host.featuresets.raw
    assert host.topology == machine.topology()
    assert host.processor.vendor != ""
    assert host.origin.startswith("simulated: what Xen 4.17 would offer on this machine's CPU")
    assert list(inconsistencies(host)) == []


@pytest.mark.parametrize("name", DERIVED_RELEASES)
def test_every_release(name: str) -> None:
    """The host looks like one of that release to those who ask it: length, names, version."""
    host = Simulated(cpu("Xeon Gold 6212U"), release(name)).read()
    assert host.featuresets.host.length == release(name).length
    assert host.release.name == name
    # XenServer's libxc makes max sets where its Xen has none.
    without_max = not release(name).has_max and not release(name).xenserver
    assert (host.featuresets.pv_max is None) == without_max
    assert any("no max policies" in note for note in notes(host)) == without_max
    assert list(inconsistencies(host)) == []


def test_tsx_is_hidden_at_boot_and_taken_in() -> None:
    """Cascade Lake with TSX_CTRL: RTM (TAA) is no boot feature and is accepted in a migration."""
    host = Simulated(cpu("xeon-platinum-8280+2019-11"), release("4.17")).read()
    rtm = host.release.features["RTM"].number
    for offer in offers(host):
        assert rtm not in offer.boot
        assert rtm in offer.migration


def test_the_command_line_counts() -> None:
    """What Xen's boot options hide is hidden, and the host has the command line."""
    options = Options(cmdline="cpuid=no-avx2")
    host = Simulated(cpu("EPYC 7742"), release("4.17"), options).read()
    assert host.release.features["AVX2"].number not in host.featuresets.host
    assert host.featuresets.raw >= host.release.featureset(["AVX2"])
    assert host.xen.commandline == "cpuid=no-avx2"


def test_xenservers_libxc_adds_to_max() -> None:
    """On XenServer the max sets are those that its libxc publishes, and a note names the bits."""
    for name in ("xenserver-8", "xenserver-8.2"):
        subject = cpu("Xeon Gold 6212U")
        host = Simulated(subject, release(name)).read()
        assert host.featuresets.hvm_max is not None
        assert host.featuresets.hvm_max >= host.release.featureset(["IBS"])
        assert any("compatibility only" in note and "IBS" in note for note in host.notes)
        no_hvm = Options(machine=Machine(hvm=False))
        bare = Simulated(subject, release(name), no_hvm).read()
        assert not bare.featuresets.hvm_default
        assert not bare.featuresets.hvm_max


def test_without_hvm() -> None:
    """VMX or SVM that firmware switched off: no HVM sets, and nothing says hvm."""
    options = Options(machine=Machine(hvm=False))
    host = Simulated(cpu("EPYC 7742"), release("4.17"), options).read()
    assert not host.hvm
    assert "hvm" not in host.xen.capabilities
    info = cpu_info(host)
    assert set(info.features_hvm) == set(info.features_hvm_host) == {"0", "-"}


def test_another_cpu_has_the_counts_of_its_leaves() -> None:
    """A dump's host has one socket, as many CPUs and threads as CPUID says, and a note on it."""
    subject = cpu("Xeon Gold 6212U")
    assert (subject.topology.cpu_count, subject.topology.threads_per_core) == (48, 2)
    assert subject.processor.family == "6"
    assert subject.processor.model == "85"
    assert subject.processor.speed == "unknown"
    assert "counts are those of one socket" in subject.notes[-1]


def test_as_bare_metal_hides_the_hypervisor() -> None:
    """The HYPERVISOR bit goes from raw, with a note where there was one."""
    host = Simulated(as_bare_metal=True).read()
    assert host.release.features["HYPERVISOR"].number not in host.featuresets.raw
    if this_machine().cpu.hypervisor:
        assert any("taken as bare metal" in note for note in host.notes)


def test_an_unknown_derivation_is_a_source_error() -> None:
    """A release before 4.13 cannot be simulated, and the error says what can."""
    with pytest.raises(SourceError, match=r"what Xen 4\.7 derives is not known"):
        Simulated(xen=release("4.7")).read()


@pytest.mark.parametrize("name", ["4.13", "4.17", "xenserver-8", "master"])
def test_whole_policies(name: str) -> None:
    """It has every policy that the release has; each says what the host's featureset says."""
    host = Simulated(cpu("Xeon Gold 6212U"), release(name)).read()
    names = {"raw", "host", "pv_default", "hvm_default"}
    assert set(host.policies) == names | (set() if name == "4.13" else {"pv_max", "hvm_max"})
    assert "tea" not in host.policies
    words = policy_featureset(host.policies["host"], host.release)
    assert host.release.names(words - host.featuresets.host) == []
    assert host.policies["hvm_default"].leaf(0)[0] == 0xD
    assert host.policies["raw"].leaf(0)[0] == 0x16


def test_whole_policies_are_made_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading and comparing a simulated host makes none, nor asking which there are."""
    made: list[object] = []
    monkeypatch.setattr(policies, "system_policies", made.append)
    host = Simulated(cpu("Xeon Gold 6212U"), release("4.17")).read()
    assert len(host.policies) == 6
    assert host == Simulated(cpu("Xeon Gold 6212U"), release("4.17")).read()
    assert made == []
    with pytest.raises(TypeError):
        host.policies["raw"]
    assert len(made) == 1


def test_whole_policies_are_compared() -> None:
    """Two hosts with other policies differ, and a capture of a host equals it."""
    host = Simulated(cpu("Xeon Gold 6212U"), release("4.17")).read()
    other = Simulated(cpu("EPYC 7742"), release("4.17")).read()
    assert host.policies != other.policies
    assert host.policies == dict(host.policies)
    assert host.policies != {}
