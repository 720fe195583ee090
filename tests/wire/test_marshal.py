"""xenops_cpu.wire.marshal: typed values to and from rpclib's tree."""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any, ClassVar

import pytest
from attrs import fields, frozen
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recorded import CPU_INFO
from xenops_cpu.interface import (
    AlreadyExists,
    BadPowerState,
    CannotFreeThisMuchMemory,
    CpuInfo,
    DomainNotBuilt,
    Error,
    FailedToShutdown,
    HookFailed,
    HostStat,
    InternalError,
    PowerState,
    QueryResult,
    StorageBackendError,
    UnknownError,
    VmsFailedToCooperate,
    XenopsError,
)
from xenops_cpu.wire.marshal import (
    MarshalError,
    arguments_reader,
    arguments_writer,
    describe,
    reader,
    writer,
)

Int64 = Annotated[int, "int64"]


@frozen
class Sample:
    """A record with every kind of member."""

    text: str
    number: int
    maybe: str | None
    several: list[Int64]
    by_name: dict[str, float]
    pair: tuple[str, bool]
    nothing: None = None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-0", 0),
        ("+5", 5),
        ("007", 7),
        ("0x10", 16),
        ("0XfF", 255),
        ("-0x10", -16),
        ("0o17", 15),
        ("0b101", 5),
        ("0u12", 12),
        ("1_000", 1000),
        (str(2**62 - 1), 2**62 - 1),
        (str(-(2**62)), -(2**62)),
    ],
)
def test_an_int_is_what_ocaml_reads(text: str, number: int) -> None:
    """Text that OCaml's int_of_string takes is an int."""
    assert reader(int)(text) == number


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 5",
        "5 ",
        "5\n",
        "5.0",
        "1e3",
        "_1",
        "0x",
        "--5",
        "five",
        "٥",
        "9" * 5000,
        5.0,
        True,
        None,
        [5],
    ],
)
def test_what_is_no_int_is_refused(value: Any) -> None:
    """Blanks, points, other scripts' digits, floats, booleans and nil are not ints."""
    with pytest.raises(MarshalError, match="expected an int"):
        reader(int)(value)


@pytest.mark.parametrize("number", [2**62, -(2**62) - 1])
def test_an_int_has_63_bits(number: int) -> None:
    """OCaml's int has 63 bits, an int64 one more, in text and as a number, read and written."""
    for value in (number, str(number)):
        with pytest.raises(MarshalError, match="63 bits"):
            reader(int)(value)
        assert reader(Int64)(value) == number
    with pytest.raises(MarshalError, match="63 bits"):
        writer(int)(number)
    assert writer(Int64)(number) == number


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_an_int64_has_64_bits(number: int) -> None:
    """No int has more than 64 bits."""
    for function in (reader(Int64), writer(Int64)):
        with pytest.raises(MarshalError, match="64 bits"):
            function(number)


@pytest.mark.parametrize("value", [5, True, None, 1.5, b"", [], {}])
def test_only_text_is_a_string(value: Any) -> None:
    """A string is never made from something else."""
    for function in (reader(str), writer(str)):
        with pytest.raises(MarshalError, match="expected a string"):
            function(value)


@pytest.mark.parametrize(
    ("value", "number"), [(1.5, 1.5), (2, 2.0), ("1e3", 1000.0), ("-1.5", -1.5)]
)
def test_a_float_is_read_from_numbers_and_text(value: Any, number: float) -> None:
    """Floats come as floats, ints, and from XML also as bare text."""
    assert reader(float)(value) == number


@pytest.mark.parametrize("value", ["", " 1.5", "x", "٥", True, None])
def test_what_is_no_float_is_refused(value: Any) -> None:
    """Blanks, words and other types are not floats."""
    with pytest.raises(MarshalError, match="expected a float"):
        reader(float)(value)


@pytest.mark.parametrize("value", [0, 1, "1", "true", None])
def test_a_boolean_is_a_boolean(value: Any) -> None:
    """Neither numbers nor words are booleans."""
    with pytest.raises(MarshalError, match="expected a boolean"):
        reader(bool)(value)


def test_a_record_is_written_last_member_first() -> None:
    """rpclib writes a record's members in reverse order of declaration."""
    names = [field.name for field in fields(CpuInfo)]
    assert list(writer(CpuInfo)(CPU_INFO)) == names[::-1]
    assert names[:4] == ["cpu_count", "socket_count", "threads_per_core", "nr_nodes"]
    assert len(names) == 16


def test_a_record_is_read_in_any_order_and_with_more() -> None:
    """Order does not count, members that the type does not have are ignored, names have no case."""
    tree = {
        "NEW": 1,
        "Name": "n",
        "version": "1",
        "features": ["f"],
        "vendor": "v",
        "instance_id": "i",
    }
    assert reader(QueryResult)(tree) == QueryResult("n", "v", "1", ["f"], "i")


def test_a_missing_member_is_named() -> None:
    """The error for a missing member says which one, and where."""
    tree = writer(CpuInfo)(CPU_INFO)
    del tree["speed"]
    with pytest.raises(MarshalError, match=r"\Athe member speed of CpuInfo is missing\Z"):
        reader(CpuInfo)(tree)
    with pytest.raises(MarshalError, match=r"\Acpu_info: the member speed of CpuInfo is missing\Z"):
        reader(HostStat)({"cpu_info": tree})


def test_the_place_of_a_wrong_value_is_named() -> None:
    """The error for a wrong value deep inside carries the whole path."""
    sample = writer(Sample)(Sample("t", 1, None, [1], {"a": 1.0}, ("x", True)))
    wrong: dict[str, Any] = {
        "several": ([1, "x"], 'several[1]: expected an int, got a string ("x")'),
        "by_name": ({"a": []}, "by_name.a: expected a float, got a list of 0"),
        "pair": (["x", 1], "pair[1]: expected a boolean, got an int (1)"),
        "nothing": ("", 'nothing: expected nil, got a string ("")'),
    }
    for member, (value, text) in wrong.items():
        with pytest.raises(MarshalError, match=f"\\A{re.escape(text)}\\Z"):
            reader(Sample)(sample | {member: value})


def test_an_option_is_left_out() -> None:
    """A member that is None is left out; the plain value stands for Some."""
    sample = Sample("t", 1, None, [], {}, ("x", True))
    tree = writer(Sample)(sample)
    assert "maybe" not in tree
    assert reader(Sample)(tree) == sample
    assert reader(Sample)(tree | {"maybe": "m"}).maybe == "m"
    assert reader(list[str | None])([["a"], []]) == ["a", None]
    assert writer(list[str | None])(["a", None]) == [["a"], []]


@given(
    st.builds(
        Sample,
        text=st.text(),
        number=st.integers(-(2**62), 2**62 - 1),
        maybe=st.none() | st.text(),
        several=st.lists(st.integers(-(2**63), 2**63 - 1)),
        by_name=st.dictionaries(st.text(), st.floats(allow_nan=False)),
        pair=st.tuples(st.text(), st.booleans()),
    )
)
def test_a_record_comes_back(sample: Sample) -> None:
    """Written and read, a record is the same."""
    assert reader(Sample)(writer(Sample)(sample)) == sample


ERRORS: list[tuple[XenopsError, Any]] = [
    (DomainNotBuilt(), "Domain_not_built"),
    (InternalError("x"), ["Internal_error", "x"]),
    (AlreadyExists("VM", "1"), ["Already_exists", ["VM", "1"]]),
    (VmsFailedToCooperate(["a"]), ["Vms_failed_to_cooperate", ["a"]]),
    (StorageBackendError("c", []), ["Storage_backend_error", ["c", []]]),
    (FailedToShutdown("vm", 1.5), ["Failed_to_shutdown", ["vm", 1.5]]),
    (CannotFreeThisMuchMemory(2**63 - 1, 0), ["Cannot_free_this_much_memory", [2**63 - 1, 0]]),
    (
        BadPowerState(PowerState.RUNNING, PowerState.HALTED),
        ["Bad_power_state", ["Running", "Halted"]],
    ),
    (HookFailed("s", "r", "o", "1"), ["Hook_failed", ["s", "r", "o", "1"]]),
]


@pytest.mark.parametrize(("error", "tree"), ERRORS, ids=lambda value: str(value)[:30])
def test_errors_are_variants(error: XenopsError, tree: Any) -> None:
    """A tag alone is text; a payload comes second; several values are a list in it, never flat."""
    assert writer(Error)(error) == tree
    again = reader(Error)(tree)
    assert (type(again), again.args) == (type(error), error.args)


def test_a_tag_has_no_case() -> None:
    """Tags match whatever their case, of errors and of plain variants."""
    assert isinstance(reader(Error)(["INTERNAL_error", "x"]), InternalError)
    assert reader(PowerState)("rUNNING") is PowerState.RUNNING


def test_an_unknown_error_is_one() -> None:
    """A tag that the interface does not have becomes Unknown_error, whatever its payload."""
    assert isinstance(reader(Error)("New"), UnknownError)
    assert isinstance(reader(Error)(["New", {"a": 1}]), UnknownError)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (["Internal_error"], "expected a tag or a list of tag and payload, got a list of 1"),
        (
            ["Internal_error", "a", "b"],
            "expected a tag or a list of tag and payload, got a list of 3",
        ),
        ("Internal_error", "Internal_error.message: expected a string, got nil"),
        (["Domain_not_built", "x"], 'Domain_not_built has no payload, got a string ("x")'),
        (["Already_exists", ["a"]], "Already_exists: expected a list of 2, got a list of 1"),
        (
            ["Already_exists", ["a", 1]],
            "Already_exists.identifier: expected a string, got an int (1)",
        ),
        (["Already_exists", "a"], 'Already_exists: expected a list of 2, got a string ("a")'),
        (
            ["Bad_power_state", ["Running", "Flying"]],
            "Bad_power_state.expected: expected one of Running, Halted, Suspended, Paused, "
            'got "Flying"',
        ),
        ({}, "expected a tag or a list of tag and payload, got a struct of 0"),
    ],
)
def test_a_wrong_variant_is_refused(tree: Any, text: str) -> None:
    """Wrong arity and wrong payloads are errors that name the tag."""
    with pytest.raises(MarshalError, match=f"\\A{re.escape(text)}\\Z"):
        reader(Error)(tree)


def test_what_is_not_the_type_is_not_written() -> None:
    """A writer refuses a value of another type instead of writing something."""
    with pytest.raises(MarshalError, match="expected CpuInfo"):
        writer(CpuInfo)({"cpu_count": 1})
    with pytest.raises(MarshalError, match="not in the variant"):
        writer(Error)(XenopsError())
    with pytest.raises(MarshalError, match="expected PowerState"):
        writer(PowerState)("Running")


def test_an_unknown_type_is_a_programming_error() -> None:
    """A type that the wire does not have is refused when it is compiled, not when it is used."""

    class Colour:
        """Not a record."""

    for type_ in (Colour, set[str], complex):
        with pytest.raises(TypeError, match="none of rpclib's types"):
            reader(type_)


def test_variants_without_default_refuse_other_tags() -> None:
    """Only a variant with a default takes tags that it does not have."""

    @frozen
    class Left:
        tag: ClassVar[str] = "Left"

    class Size(Enum):
        SMALL = "Small"

    with pytest.raises(MarshalError, match='expected one of Left, got "Right"'):
        reader(Left)("Right")
    with pytest.raises(MarshalError, match="Small has no payload"):
        reader(Size)(["Small", 1])


PARAMS = (("debug_info", str), ("unit", None), ("limit", int | None))


def test_parameters_are_read_by_name() -> None:
    """Parameters come in any order; an option may be absent; other names are ignored."""
    read = arguments_reader(PARAMS)
    assert read([{"zzz": 1, "unit": None, "debug_info": "d"}]) == ["d", None, None]
    assert read([{"unit": None, "limit": "5", "debug_info": "d"}, "more"]) == ["d", None, 5]


def test_parameters_are_written_last_first() -> None:
    """rpclib writes the last parameter first and leaves an option that is None out."""
    write = arguments_writer(PARAMS)
    assert write({"debug_info": "d", "unit": None}) == [{"unit": None, "debug_info": "d"}]
    (struct,) = write({"debug_info": "d", "unit": None, "limit": 1})
    assert list(struct) == ["limit", "unit", "debug_info"]
    with pytest.raises(MarshalError, match="parameter debug_info is missing"):
        write({"unit": None})
    with pytest.raises(MarshalError, match="parameter debug_info: expected a string"):
        write({"debug_info": 5, "unit": None})


def test_a_description_is_short_and_on_one_line() -> None:
    """What an error shows of a value never breaks a log line or fills it."""
    assert describe("a\nb") == 'a string ("a\\nb")'
    assert len(describe("x" * 10_000)) < 70
    assert describe(10**5000) == "an int (of many digits)"
