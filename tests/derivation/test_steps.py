"""The steps themselves: named, reasoned, sourced, and placed in releases that exist."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from tests import ROOT, SHARED
from xenops_cpu.derivation import DERIVED_RELEASES, all_steps
from xenops_cpu.derivation.pipeline import course
from xenops_cpu.derivation.releases import span
from xenops_cpu.derivation.state import Bits
from xenops_cpu.derivation.tables import (
    intel_thresholds,
    legacy_ssbd_bit,
    needed_microcode,
    verw_clear_from,
)
from xenops_cpu.features.release import RELEASES, release

TODAY, XS8 = "xenserver-8-4.17.6-2", "xenserver-8-4.17.3-4"
XS82 = "xenserver-8.2-4.13.5-9.39"
# `FILE function(), function()`, more files behind `;`.
_FILE = r"[\w/.-]+\.c \w+\(\)(, \w+\(\))*"
PLACE = re.compile(rf"{_FILE}(; {_FILE})*")
SHARED_STEPS = SHARED / "xen" / "tables" / "steps.json"


def test_step_ids_are_unique() -> None:
    """An id names one step."""
    counted = Counter(step.id for step in all_steps())
    assert not [step_id for step_id, count in counted.items() if count > 1]


def test_steps_are_told_in_full() -> None:
    """Each step says when, what and why in words, and where it stands in Xen's source."""
    for step in all_steps():
        assert step.when, step.id
        assert step.effect, step.id
        assert len(step.why.split()) >= 4, step.id
        for name in span(step.releases):
            place = step.source.of(name)
            assert place.startswith("the reference") or PLACE.fullmatch(place), (step.id, place)


def test_steps_have_known_releases() -> None:
    """Each step exists in some release whose derivation is known, and in no other."""
    for step in all_steps():
        assert span(step.releases), step.id
        assert span(step.releases) <= set(DERIVED_RELEASES), step.id


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("all", {"4.13", "xenserver-8.2-retrofit", "master"}, set()),
        ("4.17+ xs8", {"4.17", "4.22", "master", TODAY, XS8}, {"4.16", XS82}),
        ("4.13-4.16", {"4.13", "4.16"}, {"4.17", XS82}),
        ("xs8/4.17.5-13+", {TODAY}, {XS8, "4.17"}),
        ("xs8/4.17.3-4", {XS8}, {TODAY}),
        ("4.13 xs8.2 xsr", {"4.13", XS82, "xenserver-8.2-retrofit"}, {"4.14"}),
    ],
)
def test_span(text: str, some: set[str], none: set[str]) -> None:
    """A span names upstream releases by range, XenServer's one by one."""
    assert some <= span(text)
    assert not none & span(text)


def test_span_refuses_unknown_releases() -> None:
    """A release that does not exist is a mistake in a step."""
    with pytest.raises(ValueError, match=r"4\.99"):
        span("4.99+")


def test_one_kind_of_guest_steps_a_release() -> None:
    """A release makes its guest sets in one way: maximum and default, or one set a type."""
    for name in DERIVED_RELEASES:
        steps = course(name)
        masks = {step.id for step in (*steps.pv_max, *steps.default, *steps.single)}
        assert ("one.mask" in masks) != ("default.mask" in masks), name


def test_a_feature_no_release_has_is_a_mistake() -> None:
    """A feature another release has is void here; a name nobody has is an error."""
    bits = Bits({"AVX": 1 << 60})
    assert bits["ITS_NO"] == 0
    with pytest.raises(KeyError):
        bits["AVXX"]


@pytest.mark.parametrize(
    ("list_name", "model", "stepping", "needed"),
    [
        ("tsc_deadline", 0x3F, 2, 0x3A),
        ("tsc_deadline", 0x3F, 3, None),
        ("tsc_deadline_until_4.20", 0x3F, 3, 0xFFFFFFFF),
        ("tsc_deadline_until_4.20", 0x55, 1, 0xFFFFFFFF),
        ("tsc_deadline_until_4.20", 0x55, 7, None),
        ("tsc_deadline", 0x9E, 12, 0x52),
        ("retpoline_safe_from_microcode", 0x56, 3, 0x07000012),
        ("retpoline_safe_from_microcode", 0x56, 6, None),
    ],
)
def test_microcode_lists(list_name: str, model: int, stepping: int, needed: int | None) -> None:
    """A row with the stepping wins over one for all others; no row asks for nothing."""
    assert needed_microcode(intel_thresholds(list_name), model, stepping) == needed


def test_amd_lists() -> None:
    """VERW scrubs from a revision of the same patch line on; LS_CFG's bit depends on the family."""
    assert verw_clear_from(0x0A001119) == 0x0A0011D7
    assert verw_clear_from(0xFFFFFFFF) is None
    assert [legacy_ssbd_bit(family) for family in (0x15, 0x16, 0x17, 0x19)] == [54, 33, 10, None]


@pytest.mark.skipif(not SHARED_STEPS.exists(), reason="../shared/xen is not there")
def test_releases_agree_with_the_reference() -> None:
    """Each step of the reference list exists here, in the same releases; later builds are apart."""
    steps = json.loads(SHARED_STEPS.read_text())["steps"]
    reference = {step["step"]: frozenset(step["releases"]) for step in steps}
    lines = {XS8: "xenserver-8", XS82: "xenserver-8.2"}
    later = {name for name in RELEASES if release(name).build and name not in lines}
    ours = {
        step.id: frozenset(lines.get(name, name) for name in span(step.releases) - later)
        for step in all_steps()
    }
    assert {name: ours.get(name) for name in reference} == reference


def test_page_has_the_steps() -> None:
    """docs/derivation.md has each step as it is; scripts/document-derivation writes them."""
    page = (ROOT / "docs" / "derivation.md").read_text()
    for step in all_steps():
        cells = f"| {step.when} | {step.effect} | {step.why} | {step.places} | {step.releases} |"
        assert f"| `{step.id}` {cells}" in page, step.id
