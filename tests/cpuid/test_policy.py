"""CPU policies and their text form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy, PolicyError

U32 = st.integers(0, 0xFFFFFFFF)
POLICIES = st.builds(
    Policy,
    st.dictionaries(
        st.tuples(U32, U32 | st.just(NO_SUBLEAF)), st.tuples(U32, U32, U32, U32), max_size=8
    ),
    st.dictionaries(U32, st.integers(0, 2**64 - 1), max_size=4),
)


@given(POLICIES)
def test_the_text_reads_back(policy: Policy) -> None:
    """What is written reads back as the same policy, and is written the same again."""
    assert Policy.parse(str(policy)) == policy
    assert str(Policy.parse(str(policy))) == str(policy)


def test_the_text_is_in_order() -> None:
    """Leaves and MSRs stand in ascending order whatever order they were given in."""
    policy = Policy({(7, 0): (1, 2, 3, 4), (0, NO_SUBLEAF): (5, 6, 7, 8)}, {0x10A: 9, 0xCE: 10})
    assert str(policy) == (
        "00000000:ffffffff->00000005:00000006:00000007:00000008;"
        "00000007:00000000->00000001:00000002:00000003:00000004"
        "/000000ce->000000000000000a(00000000);0000010a->0000000000000009(00000000)"
    )


def test_versions() -> None:
    """Version 1 may be named; a later one is refused by its number, not misread."""
    policy = Policy({(0, NO_SUBLEAF): (5, 6, 7, 8)}, {0xCE: 1})
    assert Policy.parse(f"v1:{policy}") == policy
    with pytest.raises(PolicyError, match="in version 2 of its text form; known here: v1"):
        Policy.parse(f"v2:{policy}")


def test_entries_are_those_of_captures() -> None:
    """One text an entry, in order, without flags."""
    policy = Policy({(0, NO_SUBLEAF): (5, 6, 7, 8)}, {0xCE: 1})
    assert policy.entries() == (
        ["00000000:ffffffff->00000005:00000006:00000007:00000008"],
        ["000000ce->0000000000000001"],
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0:0->1:2:3:4", 'CPUID entry "0:0->1:2:3:4" is not'),
        ("00000000:00000000->00000001:00000002:00000003", "is not leaf:subleaf"),
        ("00000000:00000000->00000001:00000002:00000003:0000000g", "is not leaf:subleaf"),
        ("00000001:ffffffff->" + ":".join(["00000000"] * 4) + ";", None),
        (
            ";".join(["00000001:ffffffff->" + ":".join(["00000000"] * 4)] * 2),
            "leaf 00000001:ffffffff is there twice",
        ),
        ("/0000010a->1", 'MSR entry "0000010a->1" is not'),
        ("/0000010a->0000000000000001(1)", "flags 1 are not known"),
        ("/0000010a->0000000000000001(0)", None),
        ("/0000010a->0000000000000001(00000000);", None),
        ("/0000010a->0000000000000001;;", "MSR entry 1 is empty"),
        (";/", "CPUID entry 0 is empty"),
        ("/0000010a->0000000000000001/", 'a second "/"'),
        ("/0000010a->0000000000000001;0000010a->0000000000000001", "0000010a is there twice"),
    ],
)
def test_strict_reading(text: str, words: str | None) -> None:
    """An entry that is not one is refused by name; a trailing separator is accepted."""
    if words is None:
        Policy.parse(text)
    else:
        with pytest.raises(PolicyError, match=words):
            Policy.parse(text)


def test_subleaf_0_and_none_are_one() -> None:
    """Whichever of the two a policy has, either question finds it; other subleaves do not."""
    none, zero = Policy({(1, NO_SUBLEAF): (1, 2, 3, 4)}), Policy({(1, 0): (1, 2, 3, 4)})
    for policy in (none, zero):
        for subleaf in (None, 0, NO_SUBLEAF):
            assert policy.leaf(1, subleaf) == (1, 2, 3, 4)
        assert policy.leaf(1, 1) == policy.leaf(2) == (0, 0, 0, 0)
    both = Policy({(1, NO_SUBLEAF): (1, 1, 1, 1), (1, 0): (2, 2, 2, 2)})
    assert (both.leaf(1), both.leaf(1, 0)) == ((1, 1, 1, 1), (2, 2, 2, 2))


LONG = "z" * 99


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/0000010a->0000000000000001/", 'a second "/": a CPU policy is leaves, "/" and MSRs'),
        (LONG, f'CPUID entry "{"z" * 80}" is not leaf:subleaf->a:b:c:d, 8 hex digits each'),
        ("/" + LONG, f'MSR entry "{"z" * 80}" is not index->value(flags), 8 and 16 hex digits'),
        ("/0000010a->0000000000000001(0000000a)",
         "MSR 0000010a: flags 0000000a are not known; only 0 is defined"),
        ("/0000010a->0000000000000001(10)",
         "MSR 0000010a: flags 10 are not known; only 0 is defined"),
        ("/" + ";".join(["0000010a->0000000000000001"] * 2), "MSR 0000010a is there twice"),
        (";".join(["00000001:ffffffff->" + ":".join(["00000000"] * 4)] * 2),
         "CPUID leaf 00000001:ffffffff is there twice"),
        (";/", 'CPUID entry 0 is empty: ";" stands between entries'),
        ("v3:", "a CPU policy in version 3 of its text form; known here: v1"),
    ],
)  # fmt: skip
def test_messages_word_for_word(text: str, message: str) -> None:
    """Which entry, and what one looks like; a long entry is cut at 80 characters."""
    with pytest.raises(PolicyError) as refused:
        Policy.parse(text)
    assert str(refused.value) == message
