"""What an assumption bears on, and what it leaves alone."""

from __future__ import annotations

import pytest

from xenops_cpu.derivation.hardware import SBPB_ASSUMED, VMX_ASSUMED
from xenops_cpu.explain.bearing import bears_on
from xenops_cpu.features.release import release


def names(note: str, xen: str, asked: str) -> str:
    """Of the features that are asked for, those that a note bears on."""
    features = release(xen).features
    kept = [name for name in asked.split() if bears_on(note, features[name].number, release(xen))]
    return " ".join(kept)


@pytest.mark.parametrize("xen", ["4.13", "4.17", "master"])
def test_the_controls_of_vmx(xen: str) -> None:
    """They decide what has one of its own, and what nested paging gives or takes, with what
    depends on that; not what any guest may have.
    """
    asked = "RDTSCP INVPCID XSAVES PCID SSE LM"
    assert names(VMX_ASSUMED, xen, asked) == "RDTSCP INVPCID XSAVES PCID"


def test_shadow_tables_take_away_what_goes_with_nested_paging() -> None:
    """The same features that Xen's masks of HVM guests differ in, by max and by default."""
    xen = release("4.17")
    for kind in ("max", "def"):
        differing = xen.masks[f"hvm_hap_{kind}"] - xen.masks[f"hvm_shadow_{kind}"]
        assert differing
        assert all(bears_on(VMX_ASSUMED, number, xen) for number in differing)


def test_the_barrier_of_branch_types() -> None:
    """What is assumed of SBPB is for SBPB alone."""
    note = f"{SBPB_ASSUMED} and more words"
    assert names(note, "4.18", "SBPB IBPB_BRTYPE SSE") == "SBPB"
    assert names(SBPB_ASSUMED, "4.13", "SSE") == ""


def test_any_other_note() -> None:
    """What is not known to be about some features may matter to each."""
    assert names("the microcode revision is not known", "4.17", "SSE RDTSCP") == "SSE RDTSCP"
