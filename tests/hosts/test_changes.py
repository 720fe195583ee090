"""What differs between two readings of a host."""

from tests.support.hosts import evolve, example, names
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts.changes import changes


def test_every_kind_of_change() -> None:
    """Each member of a host that changes gives a sentence that names it."""
    host = example()
    sets = host.featuresets
    assert list(changes(host, host)) == []
    assert sets.pv_max is not None
    lesser = evolve(sets, pv_max=sets.pv_max - names("HTT"))
    assert list(changes(evolve(host, featuresets=lesser), host)) == [
        "featureset pv_max has changed: gained HTT"
    ]
    fewer = evolve(sets, pv_max=sets.pv_max - names("HTT AVX"))
    assert list(changes(evolve(host, featuresets=fewer), host)) == [
        "featureset pv_max has changed: gained HTT AVX"
    ]
    longer = Featureset(sets.raw.bits, sets.raw.length + 3)
    assert list(changes(host, evolve(host, featuresets=evolve(sets, raw=longer)))) == [
        "featureset raw has changed: has 22 words, had 19"
    ]
    gone = list(changes(host, evolve(host, featuresets=evolve(sets, hvm_max=None))))
    assert gone[0].startswith("featureset hvm_max has changed: lost FPU ")
    assert list(changes(host, evolve(host, topology=evolve(host.topology, cpu_count=2)))) == [
        "topology.cpu_count has changed: 1 → 2"
    ]
    assert list(changes(host, evolve(host, hvm=False))) == ["hvm has changed: True → False"]
    assert list(changes(host, evolve(host, policies={}))) == [
        f"CPU policy {name} has changed" for name in sorted(host.policies)
    ]
    assert list(changes(host, evolve(host, notes=("so", "and so")))) == [
        "notes have changed: so; and so"
    ]
    noted = evolve(host, notes=("so",))
    assert list(changes(noted, evolve(host, notes=()))) == ["notes have changed: none now"]
    assert list(changes(host, evolve(host, iommu=not host.iommu))) == [
        f"iommu has changed: {host.iommu} → {not host.iommu}"
    ]
    less = {name: policy for name, policy in host.policies.items() if name != "raw"}
    assert list(changes(evolve(host, policies=less), host)) == ["CPU policy raw has changed"]
    other = evolve(host.xen, version="4.17.8")
    assert list(changes(host, evolve(host, xen=other))) == [
        "xen.version has changed: 4.17.7 → 4.17.8"
    ]


def test_lists_of_words() -> None:
    """Of flags and options only what came and what went is told."""
    host = example()

    def changed(**members: str) -> list[str]:
        processor = evolve(host.processor, flags=members["flags"])
        xen = evolve(host.xen, commandline=members["commandline"])
        return list(changes(before, evolve(host, processor=processor, xen=xen)))

    before = evolve(
        host,
        processor=evolve(host.processor, flags="fpu vme de"),
        xen=evolve(host.xen, commandline="smt=0 cpuid=no-avx"),
    )
    assert changed(flags="fpu de avx", commandline="smt=0") == [
        "xen.commandline has changed: lost cpuid=no-avx",
        "processor.flags has changed: gained avx; lost vme",
    ]
    assert changed(flags="fpu avx aes", commandline="smt=0 cpuid=no-avx") == [
        "processor.flags has changed: gained avx aes; lost vme de"
    ]
    assert changed(flags="de vme fpu", commandline="smt=0 cpuid=no-avx") == [
        "processor.flags has changed: another order"
    ]


def test_the_clock_speed_is_no_change() -> None:
    """It wanders with the load."""
    host = example()
    assert list(changes(host, evolve(host, processor=evolve(host.processor, speed="1")))) == []


def test_a_set_that_gains_and_loses() -> None:
    """One sentence a set: what came, what went, and how many words it has now."""
    host = example()
    raw = host.featuresets.raw
    fewer = Featureset(raw.bits, raw.length + 1)
    before = evolve(host, featuresets=evolve(host.featuresets, raw=fewer - names("AVX")))
    now = evolve(host, featuresets=evolve(host.featuresets, raw=raw - names("SSE")))
    assert list(changes(before, now)) == [
        "featureset raw has changed: gained AVX; lost SSE; has 19 words, had 20"
    ]
