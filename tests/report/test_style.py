"""The style sheet: contrast in both schemes and in print, as far as it can be told without eyes."""

from __future__ import annotations

import re

import pytest

from xenops_cpu.report.engine import style

# Text on what is behind it (WCAG 2.2, 1.4.3: 4.5 to 1), as the rules of the sheet combine them.
TEXT = (
    ("text", "back"), ("text", "raised"), ("muted", "back"), ("muted", "raised"),
    ("link", "back"), ("link", "raised"), ("head-text", "head"), ("head-muted", "head"),
    ("good", "good-back"), ("fair", "fair-back"), ("bad", "bad-back"),

)  # fmt: skip
# What is no text and means something (1.4.11: 3 to 1).
SHAPES = (("link", "back"),)

_BLOCK = re.compile(r":root \{(.*?)\}", re.DOTALL)
_COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
LIGHT, DARK, PRINT = (dict(_COLOUR.findall(block)) for block in _BLOCK.findall(style()))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])
def test_colours_have_contrast(scheme: dict[str, str]) -> None:
    """Text is told from its ground at 4.5 to 1, what is outlined at 3 to 1."""
    assert scheme.keys() == LIGHT.keys()
    for least, pairs in ((4.5, TEXT), (3.0, SHAPES)):
        poor = {
            pair: round(contrast(scheme[pair[0]], scheme[pair[1]]), 2)
            for pair in pairs
            if contrast(scheme[pair[0]], scheme[pair[1]]) < least
        }
        assert not poor


def test_contrast_is_measured_as_wcag_does() -> None:
    """The two ends of the scale, and the grey that just passes on white."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_no_rule_has_a_colour_of_its_own() -> None:
    """Every colour is one of the scheme's, so that each scheme can change it."""
    rules = _BLOCK.sub("", style())
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", rules)) <= {"#000000"}
    named = set(re.findall(r"var\(--([\w-]+)\)", rules))
    assert named <= LIGHT.keys()
    assert LIGHT.keys() <= named, "and none is there for nothing"


def test_print_is_black_on_white() -> None:
    """Ink goes into words: all text black, all grounds white, bars black, grey and white."""
    assert {PRINT[name] for name in ("text", "muted", "link", "good", "fair", "bad")} == {"#000000"}
    grounds = (name for name in PRINT if name.endswith("back") or name in ("raised", "head"))
    assert {PRINT[name] for name in grounds} == {"#ffffff"}
    assert len({PRINT[f"{tone}-bar"] for tone in ("good", "fair", "bad")}) == 3
