"""Boot and migration sets: which is which, and what is said when they do not fit."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hosts import EXAMPLES, evolve, example, made, names
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts.cpu_info import XAPI_KEYS, cpu_info, describe, host_stat, notes, xapi_map
from xenops_cpu.hosts.host import Featuresets, Processor, Topology
from xenops_cpu.hosts.offer import inconsistencies, offers

SETS = st.lists(st.integers(0, 0xFFFFFFFF), min_size=19, max_size=19).map(Featureset.of_words)


@given(st.builds(Featuresets, SETS, SETS, SETS, SETS, SETS, SETS))
def test_the_kinds_are_never_mixed_up(sets: Featuresets) -> None:
    """_host is Xen's default and nothing else; the others are default OR max of the same type."""
    info = cpu_info(evolve(made(), featuresets=sets))
    assert sets.pv_max is not None
    assert sets.hvm_max is not None
    assert Featureset.parse(info.features_pv_host) == sets.pv_default
    assert Featureset.parse(info.features_hvm_host) == sets.hvm_default
    assert Featureset.parse(info.features_pv) == sets.pv_default | sets.pv_max
    assert Featureset.parse(info.features_hvm) == sets.hvm_default | sets.hvm_max
    assert Featureset.parse(info.features) == sets.host


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_real_xen_is_consistent(name: str) -> None:
    """In every captured host max contains default, so migration is max."""
    host = example(name)
    assert list(inconsistencies(host)) == []
    info = cpu_info(host)
    assert info.features_pv == str(host.featuresets.pv_max)
    assert info.features_hvm == str(host.featuresets.hvm_max)


def test_an_inconsistency_is_said_by_name() -> None:
    """A default that is not within max is described: guest type and features."""
    host = made(default="FPU SSE AVX", max_="FPU SSE")
    assert list(inconsistencies(host)) == [
        "PV default is not within PV max; default − max: AVX",
        "HVM default is not within HVM max; default − max: AVX",
    ]
    # What is answered all the same, where that is wished: nothing is lost.
    assert cpu_info(host).features_pv == str(names("FPU SSE AVX"))


def test_without_max_policies_tsx_is_taken_from_host() -> None:
    """Xen before 4.14: max is default, with HLE and RTM as in host."""
    host = made(default="FPU SSE RTM", max_=None, host="FPU SSE HLE AVX", xen="4.13")
    pv, _ = offers(host)
    assert not pv.max_from_xen
    assert pv.max == names("FPU SSE HLE", "4.13")
    assert pv.migration == names("FPU SSE HLE RTM", "4.13")
    assert "made from default and host" in next(describe(host))


def test_without_hvm_nothing_arrives() -> None:
    """A guest type that does not exist gets nothing added to its empty set."""
    host = made(default="FPU", max_=None, host="FPU HLE RTM", xen="4.13")
    host = evolve(host, featuresets=evolve(host.featuresets, hvm_default=Featureset(0, 11)))
    assert cpu_info(host).features_hvm == "-".join(["00000000"] * 11)


def test_the_log_lines_have_hex_and_names() -> None:
    """max, default, max − default, default − max where there is any: in colon form, by name."""
    lines = list(describe(made()))
    hle_rtm = names("HLE RTM").text(":")
    assert f"HVM max − default: {hle_rtm}" in lines
    assert "HVM max − default: HLE RTM" in lines
    assert not any("default − max" in line for line in lines)
    assert "PV default − max: AVX" in list(describe(made("AVX", "SSE")))


def test_every_log_line() -> None:
    """The whole text, of a host whose max and default are alike and of one where they are not."""
    fpu, sse, none = (names(each).text(":") for each in ("FPU", "SSE", ""))
    alike = list(describe(made("FPU SSE", "FPU SSE")))
    both = names("FPU SSE").text(":")
    assert alike[:6] == [
        f"PV max: {both}",
        "PV max by name: FPU SSE",
        f"PV default: {both}",
        "PV default by name: FPU SSE",
        f"PV max − default: {none}",
        "PV max − default: none",
    ]
    assert [line.replace("PV", "HVM") for line in alike[:6]] == alike[6:]
    assert list(describe(made("FPU", "SSE")))[4:8] == [
        f"PV max − default: {sse}",
        "PV max − default: SSE",
        f"PV default − max: {fpu}",
        "PV default − max: FPU",
    ]
    empty = list(describe(made("", "", "")))
    assert empty[1] == "PV max by name: none"
    assert empty[3] == "PV default by name: none"
    old = list(describe(made("FPU", None, "FPU", xen="4.13")))
    assert old[0].startswith("PV max (made from default and host): ")
    assert old[1] == "PV max by name: FPU"


def test_notes_of_a_record() -> None:
    """What the source said, and that max was made up where Xen has none."""
    assert list(notes(made(notes=["a note"]))) == ["a note"]
    assert list(notes(made(notes=["a note"], max_=None, xen="4.13"))) == [
        "a note",
        "Xen 4.13 has no max policies: max is default, with HLE and RTM as in host (XenServer's "
        "libxc did the same)",
    ]


@pytest.mark.parametrize("absent", ["pv_max", "hvm_max"])
def test_notes_of_a_host_that_lacks_one_max(absent: str) -> None:
    """Its Xen has max policies, whichever guest type has none: nothing is said of all of them."""
    host = made()
    sets = evolve(host.featuresets, **{absent: None})  # type: ignore[arg-type]
    assert list(notes(evolve(host, featuresets=sets))) == []


def test_notes_of_a_record_without_max() -> None:
    """A record of xapi's says what migration is: nothing was made up for it."""
    assert list(notes(evolve(made(max_=None), recorded=True))) == []


def test_counts_and_lines_keep_their_places() -> None:
    """No count and no line of /proc/cpuinfo stands for another."""
    host = evolve(
        made(),
        topology=Topology(cpu_count=8, socket_count=4, threads_per_core=2, nr_nodes=3),
        processor=Processor("vendor", "modelname", "speed", "family", "model", "stepping", "flags"),
    )
    info = cpu_info(host)
    assert (info.cpu_count, info.socket_count, info.threads_per_core, info.nr_nodes) == (8, 4, 2, 3)
    for name in ("vendor", "modelname", "speed", "family", "model", "stepping", "flags"):
        assert getattr(info, name) == name
    assert xapi_map(info)["threads_per_core"] == "2"


def test_the_record_has_what_was_read() -> None:
    """Counts, identity, hypervisor and chipset come through unchanged."""
    host = example()
    stat = host_stat(host)
    assert attrs.asdict(host.topology).items() <= attrs.asdict(stat.cpu_info).items()
    assert attrs.asdict(host.processor).items() <= attrs.asdict(stat.cpu_info).items()
    assert (stat.hypervisor.version, stat.hypervisor.capabilities) == (
        host.xen.version,
        host.xen.capabilities,
    )
    assert (stat.chipset_info.iommu, stat.chipset_info.hvm) == (False, True)


def test_xapis_map_has_only_strings() -> None:
    """The map has xapi's keys, and every value is a string."""
    made_map = xapi_map(cpu_info(example()))
    assert tuple(made_map) == XAPI_KEYS
    assert all(isinstance(value, str) for value in made_map.values())
    assert made_map["cpu_count"] == "1"


def test_before_2025_xapi_had_no_nodes() -> None:
    """Just that key is missing from its map."""
    info = cpu_info(example())
    whole, older = xapi_map(info), xapi_map(info, before_2025=True)
    assert whole.pop("nr_nodes") == str(info.nr_nodes)
    assert older == whole
