"""The service's methods, called as the wire calls them."""

import logging

import pytest

from tests.support.hosts import Fixed, example, made, names
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts.host import Host
from xenops_cpu.interface import InternalError
from xenops_cpu.pools.levelling import combine
from xenops_cpu.service.level import Combine
from xenops_cpu.service.service import XenopsCpu
from xenops_cpu.sources import SourceError


class Broken:
    """A source that cannot be read."""

    name = "broken"

    def read(self) -> Host:
        raise SourceError("no hypervisor here", "boot Xen")


def test_the_record_is_made_once_for_a_reading(caplog: pytest.LogCaptureFixture) -> None:
    """While the source gives the same host, the record is the same object and nothing is logged."""
    caplog.set_level(logging.INFO, "xenops_cpu")
    source = Fixed(example())
    service = XenopsCpu(source)
    first = service.host_get_cpu_info("x")
    assert "max − default" in caplog.text
    caplog.clear()
    assert service.host_get_cpu_info("x") is first
    assert caplog.text == ""
    source.host = example("ivybridge-xen-4.17")
    assert service.host_get_cpu_info("x").model == "58"
    assert "RDRAND" in caplog.text


def test_an_inconsistent_host_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """By default each call fails with the names, and the log has them as an error."""
    caplog.set_level(logging.INFO, "xenops_cpu")
    service = XenopsCpu(Fixed(made("FPU AVX", "FPU")))
    with pytest.raises(InternalError, match="PV default is not within PV max; default − max: AVX"):
        service.host_get_cpu_info("x")
    with pytest.raises(InternalError):
        service.host_stat("x")
    assert [r.levelname for r in caplog.records if "not within" in r.message] == ["ERROR"]


def test_an_inconsistent_host_may_be_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """With warn the answer is given, and the log says what is wrong."""
    service = XenopsCpu(Fixed(made("FPU AVX", "FPU")), "warn")
    assert service.host_get_cpu_info("x").features_pv == str(names("FPU AVX"))
    assert [r.levelname for r in caplog.records if "not within" in r.message] == ["WARNING"]


def test_a_source_that_fails_is_a_typed_error() -> None:
    """The caller gets the source's sentence with its remedy; query still answers."""
    service = XenopsCpu(Broken())
    with pytest.raises(InternalError, match="source broken: no hypervisor here; boot Xen"):
        service.host_get_cpu_info("x")
    assert "problem: source broken: no hypervisor here; boot Xen" in service.query("x").features


def test_query_says_where_the_answers_come_from() -> None:
    """Source, origin and notes are in query's features."""
    result = XenopsCpu(Fixed(made(notes=["guessed"]))).query("x")
    assert result.features == ["source: fixed", "origin: made up", "note: guessed"]
    assert result.name == "xenops_cpu"


@pytest.mark.parametrize(
    ("left", "right", "out"),
    [
        ("1fc9cbf5-f6f83203-00000001", "17cbfbff-f7fa3223", "17c9cbf5-f6f83203-00000000"),
        ("", "00000001-00000002", "00000001-00000002"),
        ("00000001-00000002", "", "00000001-00000002"),
        ("", "", ""),
        ("ffffffff", "0", "00000000"),
    ],
)
def test_combine(left: str, right: str, out: str) -> None:
    """AND of the zero-extended sets; the empty one is neutral."""
    assert XenopsCpu(Broken()).host_combine_cpu_policies("x", left, right) == out


def test_is_compatible_names_all_that_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    """The log line has every missing feature of every word, by name and in hex."""
    caplog.set_level(logging.INFO, "xenops_cpu")
    service = XenopsCpu(Fixed(example()))
    vm = str(names("FPU HLE RTM GDS_NO") | Featureset.of_features([10], 1))
    host = str(names("FPU"))
    assert not service.host_is_compatible("x", vm, host)
    assert "the host lacks <0*32+10> HLE RTM GDS_NO (00000400:" in caplog.text
    assert service.host_is_compatible("x", host, vm)
    assert service.host_is_compatible("x", "", host)
    assert service.host_is_compatible("x", "00000000-00000000", "")
    assert not service.host_is_compatible("x", "00000000-00000001", "ffffffff")


def test_is_compatible_answers_without_a_host() -> None:
    """Two featuresets can be compared even where no host can be read."""
    assert not XenopsCpu(Broken()).host_is_compatible("x", "00000001", "00000002")


def test_a_featureset_that_is_none_names_parameter_and_word() -> None:
    """The error says which parameter and which word."""
    service = XenopsCpu(Fixed(example()))
    with pytest.raises(InternalError, match='parameter policy2: featureset word 1: "zz"'):
        service.host_combine_cpu_policies("x", "", "1-zz")
    with pytest.raises(InternalError, match="parameter vm_policy"):
        service.host_is_compatible("x", "zz", "")


def libxc_with(more: str, fewer: str = "FPU") -> Combine:
    """A libxc whose level differs from ours by these features."""
    return lambda left, right: (left & right | names(more)) - names(fewer)


def test_the_level_is_libxcs(caplog: pytest.LogCaptureFixture) -> None:
    """Where it differs, the answer is libxc's and the log has both, by name; else it is silent."""
    a, b = str(names("FPU TSC AVX")), str(names("FPU TSC"))
    service = XenopsCpu(Fixed(example()), libxc_level=libxc_with("AVX2"))
    level = service.host_combine_cpu_policies("x", a, b)
    assert Featureset.parse(level) == names("TSC AVX2")
    assert "Only in libxc's: AVX2; only in ours: FPU." in caplog.text
    assert f"libxc: {names('TSC AVX2').text(':')} (TSC AVX2); ours: " in caplog.text
    caplog.clear()
    same = XenopsCpu(Fixed(example()), libxc_level=combine)
    assert same.host_combine_cpu_policies("x", a, b) == str(names("FPU TSC"))
    assert caplog.text == ""


def test_no_host_yet_is_not_for_libxc() -> None:
    """libxc is not asked where a set has no words: xapi begins a pool's level so."""

    def never(left: Featureset, right: Featureset) -> Featureset:
        raise AssertionError

    service = XenopsCpu(Fixed(example()), libxc_level=never)
    assert service.host_combine_cpu_policies("x", "", "00000003") == "00000003"
    assert service.host_combine_cpu_policies("x", "", "") == ""


@pytest.mark.parametrize("text", ["1:2", " 1", "1 ", "1\n", "1:", "\t"])
def test_what_the_command_line_takes_is_no_featureset_here(text: str) -> None:
    """Colons and blanks are a fault of the program that calls; the error names the parameter."""
    service = XenopsCpu(Fixed(example()))
    for call in (service.host_combine_cpu_policies, service.host_is_compatible):
        with pytest.raises(InternalError, match=r"parameter (policy2|host_policy): .* no blanks"):
            call("x", "1", text)
