"""Leaf dh: Xen builds it anew from the features of a policy (recalculate_xstate()).

Sizes and offsets are the hardware's, so a policy that moves to another CPU gets that one's.
"""

from __future__ import annotations

from ...cpuid.slots import STATE
from ...cpuid.table import PolicyTable
from ..releases import span
from ..source import policies
from ..step import PhaseOf
from .draft import Draft

LEGACY = 0x3  # x87 and SSE, which every area of state has
LEGACY_SIZE = 576
_ALIGN, _SUPERVISOR = 1 << 1, 1 << 0
XSAVEC, XSAVES = 1 << 1, 1 << 3  # of leaf dh subleaf 1 EAX
_WORD = 0xFFFFFFFF

# Feature: its components of state (asm/x86-defns.h, X86_XCR0_*), the releases that know them.
COMPONENTS = (
    ("AVX", 0x4, "all"),
    ("MPX", 0x18, "all"),
    ("AVX512F", 0xE0, "all"),
    ("PKU", 0x200, "all"),
    ("AMX_TILE", 0x60000, "4.20+"),
)
# Up to 4.18 Xen looked at the last component of each feature only.
_COUNTED_TO_4_18 = 1 << 2 | 1 << 4 | 1 << 7 | 1 << 9
_FROM_RAW = "4.19+"

XSTATE: PhaseOf[Draft] = PhaseOf("Leaf dh, built anew: in every policy but raw")


def components(draft: Draft) -> int:
    """The bits of XCR0 that the features of a policy stand for."""
    states = LEGACY
    for name, bits, releases in COMPONENTS:
        if draft.release.name in span(releases) and draft.has(name):
            states |= bits
    return states


def numbers(states: int) -> list[int]:
    """The components beyond the legacy ones, ascending."""
    return [number for number in range(2, states.bit_length()) if states >> number & 1]


def unlisted(raw: PolicyTable) -> list[int]:
    """Components that guests may have and of which a CPU's dump does not say how large they are."""
    known = sum(bits for _, bits, _ in COMPONENTS)
    return [number for number in numbers(raw.states & known) if not any(raw.leaf(STATE, number))]


def uncompressed_size(raw: PolicyTable, states: int) -> int:
    """Bytes that XSAVE writes for these components (xstate_uncompressed_size(), 4.19 on)."""
    if not states:
        return 0
    ends = (sum(raw.leaf(STATE, number)[:2]) for number in numbers(states))
    return max([LEGACY_SIZE, *ends])


def compressed_size(raw: PolicyTable, states: int) -> int:
    """Bytes that XSAVEC writes for these components (xstate_compressed_size(), 4.19 on)."""
    if not states:
        return 0
    size = LEGACY_SIZE
    for number in numbers(states):
        length, _, attributes, _ = raw.leaf(STATE, number)
        if attributes & _ALIGN:
            size = -(-size // 64) * 64
        size += length
    return size


@XSTATE.step(
    "xstate.rebuild",
    "all",
    when="always",
    effect="leaf dh is made of x87, SSE and the components of AVX, MPX, AVX512F, PKU (4.20 on: "
    "AMX_TILE); without XSAVE it is empty",
    why="which state a guest may save follows from its features; sizes are the hardware's",
    source=policies("recalculate_xstate()"),
)
def _rebuild(draft: Draft) -> None:
    table, raw = draft.table, draft.raw
    da1 = table.leaf(STATE, 1)[0]
    states, has_xsave = components(draft), draft.has("XSAVE")
    table.clear(STATE)
    if not has_xsave:
        return
    from_raw = draft.release.name in span(_FROM_RAW)
    size = uncompressed_size(raw, states if from_raw else states & (_COUNTED_TO_4_18 | LEGACY))
    table.put((STATE, 0), (states & _WORD, 0, size, states >> 32))
    table.put((STATE, 1), (da1, 0, 0, 0))
    allowed = _ALIGN
    if from_raw:
        allowed = (_ALIGN if da1 & XSAVEC else 0) | (_SUPERVISOR if da1 & XSAVES else 0)
    for number in numbers(states):
        length, offset, attributes, _ = raw.leaf(STATE, number)
        table.put((STATE, number), (length, offset, attributes & allowed, 0))
