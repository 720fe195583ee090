"""Names from outside are text on the page, whatever is in them."""

from __future__ import annotations

import unicodedata

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.report.pool import POOL, VMS, outline
from tests.support.hosts import made
from xenops_cpu import report
from xenops_cpu.hosts.host import Host, Processor, Xen
from xenops_cpu.report.engine import visible

# What ends an attribute, an element, a comment or a line; what turns the direction of reading.
_HOSTILE = "<>&\"'`=/ -!\\{}%#\n\r\t\0\x1b\x7f\x9b\u202e\u2066\u200b\u2028\ufeff\ud800ab\u05d0é"
ATTACKS = (
    '<script>alert("x")</script>',
    '"><img src=x onerror=alert(1)>',
    "'></style><style>*{display:none}",
    "</title></head><body onload=x>",
    "--><!-- ]]> <![CDATA[",
    "{{ 7 * 7 }}{% raw %}{# x #}",
    "&lt;b&gt;&#60;",
    "\u202egnp.exe\u202c",
    "\x1b[31mred\x9b0m\x07",
    "\ud800 alone",
    "a\r\nContent-Type: text/html\r\n\r\n<p>",
)


def page(word: str) -> str:
    """A page with the word wherever words from outside come to stand."""
    host = evolve(
        made("FPU TSC", "FPU TSC", "FPU TSC"),
        origin=f"origin {word}",
        xen=Xen(f"4.17.1 {word}", commandline=f"spec-ctrl={word}"),
        processor=Processor("GenuineIntel", f"CPU {word}", "1", word or "2", "3", "4"),
    )
    hosts = [
        evolve(POOL[0], name=f"h1{word}", notes=(f"note {word}",), host=host),
        evolve(POOL[1], name=f"h2{word}", vendor=f"vendor {word}", host=_other(host)),
    ]
    vms = [
        evolve(VMS[1], name=f"vm1{word}", source=f"file {word}", vendor=""),
        evolve(VMS[2], name=f"vm2{word}", vendor=f"maker {word}", notes=(f"seen {word}",)),
    ]
    return report.page(f"title {word}", hosts, vms, date_line=f"made {word}")


def _other(host: Host) -> Host:
    return evolve(host, origin=f"other {host.origin}")


PLAIN = outline(page("x")).skeleton


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_name_becomes_markup(attack: str) -> None:
    """With any name the page has the elements and attributes that it has with a plain one."""
    html = page(attack)
    assert outline(html).skeleton == PLAIN
    text = "".join(outline(html).text)
    for before in ("title ", "origin ", "note ", "vm1", "h1", "spec-ctrl=", "CPU "):
        assert f"{before}{visible(attack)}" in text


@given(st.text(st.sampled_from(_HOSTILE) | st.characters(), min_size=1, max_size=20))
def test_no_text_at_all_becomes_markup(word: str) -> None:
    """The same of any text, and no control, bidi mark or lone surrogate is in the page."""
    html = page(word)
    assert outline(html).skeleton == PLAIN
    html.encode("utf-8")
    assert not [c for c in set(html) - {"\n"} if unicodedata.category(c) in ("Cc", "Cf", "Cs")]


def test_what_has_no_glyph_is_written_out() -> None:
    """As in a Python string; all letters of the world stay what they are."""
    assert visible("\u202eabc\x1b\n") == "\\u202eabc\\x1b\\n"
    assert visible("Zürich שלום 東京") == "Zürich שלום 東京"
    assert visible(7) == 7
