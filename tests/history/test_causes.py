"""What probably changed a host."""

import pytest

from tests.support.hosts import evolve, example, names
from xenops_cpu.history.causes import causes
from xenops_cpu.history.fingerprint import Fingerprint, differences
from xenops_cpu.history.surroundings import Surroundings
from xenops_cpu.hosts.host import Host

HOST = example("epyc-xen-4.17")
AROUND = Surroundings("0x2000065", "Dell Inc. 2.1.8", "b5ed4ca", "boot-1")
BEFORE = Fingerprint(HOST, AROUND)


def with_sets(host: Host, lost: str, *which: str) -> Host:
    sets = host.featuresets
    gone = names(lost)
    return evolve(
        host,
        featuresets=evolve(sets, **{name: getattr(sets, name) - gone for name in which}),
    )


def with_xen(host: Host, **members: str) -> Host:
    return evolve(host, xen=evolve(host.xen, **members))


RAW = with_sets(HOST, "AVX2", "raw", "host", "hvm_max", "hvm_default")
OFFERED = with_sets(HOST, "AVX2", "host", "hvm_max", "hvm_default")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (
            Fingerprint(RAW, evolve(AROUND, microcode="0x2006e05")),
            ["microcode 0x2000065 → 0x2006e05, loaded while the host ran"],
        ),
        (
            Fingerprint(RAW, evolve(AROUND, microcode="0x2006e05", boot="boot-2")),
            ["microcode 0x2000065 → 0x2006e05, loaded at a boot, by firmware or by Xen"],
        ),
        (
            Fingerprint(
                with_xen(RAW, version="4.17.8"), evolve(AROUND, microcode="0x2006e05", boot="b")
            ),
            ["microcode 0x2000065 → 0x2006e05, loaded at a boot", "Xen 4.17.7 → 4.17.8"],
        ),
        (
            Fingerprint(with_xen(OFFERED, version="4.17.8"), evolve(AROUND, build="c0ffee")),
            ["Xen 4.17.7 → 4.17.8"],
        ),
        (
            Fingerprint(OFFERED, evolve(AROUND, build="c0ffee")),
            ["another build of Xen 4.17.7: b5ed4ca → c0ffee"],
        ),
        (
            Fingerprint(with_xen(OFFERED, commandline="cpuid=no-avx2"), AROUND),
            ["Xen's command line: "],
        ),
        (
            Fingerprint(OFFERED, evolve(AROUND, microcode="0x2006e05", boot="b")),
            ["microcode 0x2000065 → 0x2006e05"],
        ),
        (
            Fingerprint(RAW, evolve(AROUND, bios="Dell Inc. 2.2.0")),
            ["firmware Dell Inc. 2.1.8 → Dell Inc. 2.2.0"],
        ),
        (Fingerprint(RAW, AROUND), ["nothing recorded explains the CPU's own change: firmware"]),
        (
            Fingerprint(with_xen(RAW, version="4.17.8"), AROUND),
            ["nothing recorded explains the CPU's own change: firmware", "Xen 4.17.7 → 4.17.8"],
        ),
        (Fingerprint(OFFERED, AROUND), ["nothing recorded explains it: firmware"]),
        (
            Fingerprint(
                evolve(RAW, processor=evolve(HOST.processor, modelname="Xeon 8280")), AROUND
            ),
            ["another CPU: "],
        ),
        (
            Fingerprint(evolve(HOST, topology=evolve(HOST.topology, cpu_count=64)), AROUND),
            ["CPUs were brought up or taken down, or threads switched on or off"],
        ),
        (BEFORE, []),
    ],
)
def test_likely_causes(now: Fingerprint, expected: list[str]) -> None:
    """The likeliest first, and none that could not have done it."""
    reasons = causes(BEFORE, now)
    assert len(reasons) == len(expected), reasons
    for reason, beginning in zip(reasons, expected, strict=True):
        assert reason.startswith(beginning), reasons


def test_a_simulation_changes_with_this_program() -> None:
    """Where nothing else explains it; a host that was read from Xen does not."""
    simulated = evolve(HOST, origin="simulated: what Xen 4.17 would offer")
    now = Fingerprint(with_sets(simulated, "AVX2", "host", "hvm_max"), AROUND)
    before = Fingerprint(simulated, AROUND)
    assert causes(before, now, ("0.1", "0.2")) == ("another version of this program: 0.1 → 0.2",)
    assert causes(before, now, ("0.2", "0.2"))[0].startswith("nothing recorded explains it")
    real = Fingerprint(OFFERED, AROUND)
    assert causes(BEFORE, real, ("0.1", "0.2"))[0].startswith("nothing recorded explains it")


def test_differences_by_name() -> None:
    """Sets by the names of features, and what lies around in the same form."""
    now = Fingerprint(RAW, evolve(AROUND, microcode="0x2006e05", bios=""))
    assert list(differences(BEFORE, now)) == [
        "featureset raw has changed: lost AVX2",
        "featureset host has changed: lost AVX2",
        "featureset hvm_default has changed: lost AVX2",
        "featureset hvm_max has changed: lost AVX2",
        "microcode has changed: 0x2000065 → 0x2006e05",
        "firmware has changed: Dell Inc. 2.1.8 → unknown",
    ]


def test_what_a_fingerprint_is() -> None:
    """Everything that decides what guests get changes it; what wanders by itself does not."""
    processor = HOST.processor
    same = [
        evolve(HOST, processor=evolve(processor, speed="800.0", flags="fpu")),
        evolve(HOST, notes=("a note",), origin="elsewhere"),
    ]
    assert {Fingerprint(host, AROUND).digest for host in same} == {BEFORE.digest}
    assert Fingerprint(HOST, evolve(AROUND, boot="boot-2")).digest == BEFORE.digest
    others = [
        Fingerprint(RAW, AROUND),
        Fingerprint(with_sets(HOST, "AVX2", "pv_max"), AROUND),
        Fingerprint(evolve(HOST, policies={}), AROUND),
        Fingerprint(with_xen(HOST, version="4.17.8"), AROUND),
        Fingerprint(with_xen(HOST, commandline="smt=0"), AROUND),
        Fingerprint(evolve(HOST, hvm=not HOST.hvm), AROUND),
        Fingerprint(HOST, evolve(AROUND, microcode="0x1")),
        Fingerprint(HOST, evolve(AROUND, bios="x")),
        Fingerprint(HOST, evolve(AROUND, build="x")),
    ]
    assert len({fingerprint.digest for fingerprint in others} | {BEFORE.digest}) == 10


def test_the_digest_is_the_same_for_ever() -> None:
    """A store written by one version is not full of changes for the next one."""
    assert BEFORE.digest == ("6a5f5a0f3e7e28e27b2c753f50911c098a087b239151df8f3abfffaf4fcc0c4b")
