"""Fields of leaves beside the features: where they stand, and how they are told."""

from __future__ import annotations

import pytest

from xenops_cpu.cpuid import fields
from xenops_cpu.cpuid.fields import ANY, FIELDS, Field, fields_of, title
from xenops_cpu.cpuid.identity import Signature
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy


def letters(text: bytes) -> list[int]:
    return [int.from_bytes(text[at : at + 4], "little") for at in range(0, len(text), 4)]


def with_brand(text: bytes) -> Policy:
    words = letters(text.ljust(64, b"\0"))
    registers = [tuple(words[at : at + 4]) for at in range(0, 16, 4)]
    return Policy({(0x80000002 + i, NO_SUBLEAF): r for i, r in enumerate(registers)})  # type: ignore[misc]


def with_vendor(text: bytes) -> Policy:
    ebx, edx, ecx = letters(text)
    return Policy({(0, NO_SUBLEAF): (0xD, ebx, ecx, edx)})


def test_bits_of_a_register() -> None:
    """Just those of the field, moved down to bit 0."""
    field = Field("c", "t", 1, NO_SUBLEAF, "ebx", 16, 8)
    assert field.mask == 0x00FF0000
    assert field.value((1, 0xAB12CD34, 3, 4)) == 0x12
    whole = Field("c", "t", 1, NO_SUBLEAF, "edx")
    assert (whole.mask, whole.value((1, 2, 3, 0xFFFFFFFF))) == (0xFFFFFFFF, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("leaf", "subleaf", "register", "value", "text"),
    [
        (0x0, NO_SUBLEAF, "eax", 0x16, "16h"),
        (0x80000008, NO_SUBLEAF, "eax", 46, "46 bits"),
        (0x1, NO_SUBLEAF, "ebx", 8, "64 bytes"),
        (0x80000008, NO_SUBLEAF, "ecx", 7, "8"),
        (0x7, 0, "eax", 2, "2"),
    ],
)
def test_values_as_text(leaf: int, subleaf: int, register: str, value: int, text: str) -> None:
    """In hex, with a unit, one more than what stands there, or as it is."""
    shown = {f.show(value) for f in fields_of(leaf, subleaf) if f.register == register}
    assert text in shown


def test_fields_of_a_leaf() -> None:
    """Subleaf 0 and none are one; a field of any subleaf is each subleaf's; no other leaf's."""
    assert [f.title for f in fields_of(7, 0)] == [f.title for f in fields_of(7, NO_SUBLEAF)]
    assert len(list(fields_of(7, 0))) == 1
    assert list(fields_of(7, 1)) == []
    assert {f.leaf for f in fields_of(4, 3)} == {4}
    assert len(list(fields_of(4, 3))) == sum(f.leaf == 4 for f in FIELDS) == 2
    assert all(f.subleaf == ANY for f in fields_of(0xB, 1))
    assert [f.subleaf for f in fields_of(0xD, 1)] == [1]
    assert [f.subleaf for f in fields_of(0xD, 0)] == [0, 0, 0]
    assert [f.leaf for f in fields_of(1, 0)] == [1, 1, 1]
    assert list(fields_of(0x3, 0)) == []


def test_what_a_leaf_is_about() -> None:
    """A title for each that is known, none for others."""
    assert title(0x15) == "TSC and crystal clock"
    assert title(0x3) == ""


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        (b"GenuineIntel", "GenuineIntel"),
        (b"  Shanghai  ", "  Shanghai  "),
        (b"A\0B~\x7f\x1f\xff\xe9 \0\0\0", "A?B~???? "),
        (b"\0AuthenticA", "?AuthenticA"),
        (b"XX\0XXXXXXXXX", "XX?XXXXXXXXX"),
        (b"\0" * 12, ""),
    ],
)
def test_the_vendor_as_text(text: bytes, vendor: str) -> None:
    """What cannot be printed is a question mark, zeros at the end are nothing."""
    assert fields.vendor(with_vendor(text.ljust(12, b"\0"))) == vendor


def test_the_brand_as_text() -> None:
    """All three leaves and no more, blanks run together; nothing where there is none."""
    text = b"An  odd\xae CPU of 48 letters, which fill the leaves"
    policy = with_brand(text[:48].ljust(48, b".") + b"and not these   ")
    assert fields.brand(policy) == " ".join(text[:48].decode("latin-1").split()).replace(
        "\xae", "?"
    ).ljust(47, ".")
    assert fields.brand(Policy()) == ""


def test_the_signature_of_a_policy() -> None:
    """Of EAX of leaf 1."""
    policy = Policy({(1, NO_SUBLEAF): (0x50654, 1, 2, 3), (2, NO_SUBLEAF): (9, 9, 9, 9)})
    assert fields.signature(policy) == Signature(6, 0x55, 4)
