"""xenops_cpu.corpus: many CPUs as lines of JSON, and clear words for those that cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.golden_derivation import cpus
from xenops_cpu.cpus.corpus import read_record, simulate, simulate_lines
from xenops_cpu.cpus.dumps.records import RecordError
from xenops_cpu.cpus.params import options_of
from xenops_cpu.derivation import Options
from xenops_cpu.features.release import release

SKYLAKE = "inst-genuineintel0050654-skylakexeon+2017"


def line(**changes: Any) -> str:
    return json.dumps({**cpus()[SKYLAKE], **changes})


def test_a_result_a_record() -> None:
    """Id, release, and six lists of 8-digit words, as long as the release has words."""
    (result,) = simulate_lines([line()], release("4.17"))
    assert result["id"] == SKYLAKE
    assert result["xen"] == "4.17"
    for name in ("raw", "host", "pv_max", "pv_default", "hvm_max", "hvm_default"):
        assert len(result[name]) == 19
        assert all(len(word) == 8 for word in result[name])


def test_no_maximum_is_null() -> None:
    """Releases with one set a guest type have null for the maximum."""
    (result,) = simulate_lines([line()], release("4.13"))
    assert result["pv_max"] is None
    assert result["hvm_max"] is None


def test_bad_records_do_not_stop_the_rest() -> None:
    """Each bad record gives its line and what is wrong; good ones are done all the same."""
    lines = [line(id="a"), "{", "", "[]", line(leaves=None), line(id="b")]
    found = list(simulate_lines(lines, release("4.17")))
    assert [entry.get("id") for entry in found] == ["a", None, None, None, "b"]
    assert [entry["line"] for entry in found if "error" in entry] == [2, 4, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 7: not JSON"),
        ("3", "line 7: a record is an object, this is a int"),
        ("{}", "line 7: field leaves is missing"),
        (line(leaves=5), "line 7: field leaves: a list"),
        (line(leaves=[["1", "0"]]), r"line 7: field leaves\[0\]: not \[leaf, subleaf"),
        (line(leaves=[["1", "0", "x", "0", "0", "0"]]), r"leaves\[0\]: 'x' is not 1 to 8 hex"),
        (line(leaves=[["0", "0", "1", "0", "0", "0"]]), "field leaves: CPUID leaf 1 is missing"),
        (line(leaves=[["1", "0", "-1", "0", "0", "0"]]), "0x1:0x0 eax: -0x1 is not a 32-bit"),
        (line(msrs=["10a"]), "line 7: field msrs: an object"),
        (line(msrs={"10a": "zz"}), "line 7: field msrs: 'zz' is not 1 to 16 hex digits"),
        (line(microcode="new"), "line 7: field microcode: 'new' is not 1 to 8"),
        (line(params=[]), None),
        (line(params=[1]), "line 7: field params: an object"),
        (line(params={"hvm": "no"}), "line 7: field params.hvm: 'no' is neither 0 nor 1"),
        (line(params={"ucode": 12}), "line 7: field params.ucode: 12 is not 1 to 8"),
        (line(params={"cmdline": 1}), "line 7: field params.cmdline: 1 is not text"),
        (line(params={"msrs": {"q": "1"}}), "line 7: field params.msrs: 'q' is not"),
    ],
)
def test_errors_name_line_and_field(text: str, message: str | None) -> None:
    """A record that cannot be read says where and what would be right."""
    if message is None:
        read_record(text, 7)
    else:
        with pytest.raises(RecordError, match=message):
            read_record(text, 7)


def test_params_of_a_record() -> None:
    """Parameters of golden records end in the options; the caller's come last and win."""
    text = line(
        params={
            "cmdline": "xsave=0", "hvm": 0, "ucode": "0200001a", "sbpb": 1, "smt": 0, "ept": 1,
            "null_seg_clears_base": 0, "msrs": {"10a": "1"}, "ucode_source": "dump",
        }
    )  # fmt: skip
    record = read_record(text, 1, Options(cmdline="xsave=1", msrs={0x10A: 2}))
    options = record.options
    assert options.cmdline == "xsave=0 xsave=1"
    assert options.microcode == 0x0200001A
    assert options.msrs == {0x10A: 2}
    machine = options.machine
    assert (machine.hvm, machine.hide_unusable, machine.ept) == (False, True, True)
    assert (machine.sbpb, machine.smt, machine.null_seg_clears_base) == (True, False, False)


def test_malformed_option_in_a_record_is_no_error() -> None:
    """Xen goes on after a bad option, and so does a corpus; strict reading refuses the record."""
    text = line(params={"cmdline": "tsx=perhaps"})
    (result,) = simulate_lines([text], release("4.17"))
    assert result["id"] == SKYLAKE
    (refused,) = simulate_lines([text], release("4.17"), Options(strict=True))
    assert refused["error"].startswith('line 1: command line option "tsx=perhaps"')


def test_booted_record_is_one_cpu_in_qemu() -> None:
    """A record of a Xen booted in QEMU is named by its line; registers are inert there."""
    cpu = cpus()[SKYLAKE]
    text = json.dumps(
        {"xen": "4.17", "cmdline": "smap=hvm", "ucode": None, "leaves": cpu["leaves"]}
    )
    record = read_record(text, 4)
    assert record.name == "line 4"
    assert record.options.machine.registers == "inert"
    derivation = simulate(record, release("4.17"))
    assert not any("microcode" in note for note in derivation.notes)


def test_params_alone() -> None:
    """Parameters without a record give the same options; none give the defaults."""
    assert options_of({"ucode": "2a", "cmdline": "tsx=0"}) == Options("tsx=0", microcode=0x2A)
    assert options_of({}) == Options()
    with pytest.raises(RecordError, match=r"params\.smt: 2 is neither 0 nor 1"):
        options_of({"smt": 2})
