"""xenops_cpu.derivation.cmdline: Xen's command line, read as Xen reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenops_cpu.derivation import CommandLineError, parse_cmdline
from xenops_cpu.derivation.grammar import find_name
from xenops_cpu.features.release import release

XEN = release("4.17")


def hidden(text: str, xen: str = "4.17") -> list[str]:
    """The features that cpuid= hides."""
    options = parse_cmdline(text, release(xen))
    return [release(xen).label(item.number) for item in options.cpuid if not item.show]


def test_empty_line_is_all_defaults() -> None:
    """Nothing said: everything on, nothing chosen, nothing to note."""
    options = parse_cmdline("", XEN)
    assert (options.tsx, options.gds_mit, options.smt) == (-1, -1, -1)
    assert options.msr_sc_pv
    assert options.xsave
    assert not options.notes + options.malformed


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("xsave=0", "xsave", False),
        ("no-xsave", "xsave", False),
        ("no-xsave=0", "xsave", True),
        ("xsave=off xsave", "xsave", True),
        ("smep=hvm", "smep", "hvm"),
        ("no-smep", "smep", "off"),
        ("smap=0 smap", "smap", "on"),
        ("tsx=1", "tsx", 1),
        ("no-tsx", "tsx", 0),
        ("spec-ctrl=no", "tsx", -3),
        ("spec-ctrl=no tsx=0", "tsx", 0),
        ("tsx=1 spec-ctrl=off", "tsx", 1),
        ("spec-ctrl=no-xen", "tsx", -1),
        ("spec-ctrl=no-xen", "gds_mit", 0),
        ("spec-ctrl=no-xen", "msr_sc_pv", True),
        ("spec-ctrl=no-pv", "msr_sc_pv", False),
        ("spec-ctrl=no-pv", "msr_sc_hvm", True),
        ("spec-ctrl=no-msr-sc,pv", "msr_sc_pv", True),
        ("spec-ctrl=msr-sc=no-hvm", "msr_sc_hvm", False),
        ("spec-ctrl=msr-sc=no-hvm", "msr_sc_pv", True),
        ("spec-ctrl=gds-mit=0", "gds_mit", 0),
        ("spec-ctrl=no,gds-mit", "gds_mit", 1),
        ("spec-ctrl=no", "smt", 1),
        ("smt=0 spec-ctrl=no", "smt", 0),
        ("hap=no", "hap", False),
        ("psr=cat,cmt:1,mba:0", "psr", frozenset({"cat"})),
        ("psr=cat,mba,cat:0", "psr", frozenset({"mba"})),
        ("psr=cdp psr=cdp:off,cat", "psr", frozenset({"cat"})),
        ("vpmu=0,ipc", "vpmu", True),
        ("vpmu=1,rtm-abort=0", "vpmu", True),
        ("vpmu=rtm-abort", "vpmu", False),
        ("maxcpus=0x10", "maxcpus", 16),
        ("nolapic", "nolapic", True),
        ("no-spec-ctrl", "msr_sc_hvm", False),
    ],
)
def test_option(text: str, key: str, value: object) -> None:
    """Each option leaves the value that Xen's parser leaves; later items win over earlier ones."""
    assert getattr(parse_cmdline(text, XEN), key) == value


def test_cpuid_items_hide_features() -> None:
    """no-NAME and NAME=off hide, in the order given; NAME alone asks to show."""
    assert hidden("cpuid=no-avx2,rdrand,aesni=off") == ["AVX2", "AESNI"]


def test_binary_search_trap() -> None:
    """avx=0 is not found, because "=" sorts above digits and longer names begin with avx."""
    options = parse_cmdline("cpuid=avx=0", XEN)
    assert not options.cpuid
    assert 'does not find "avx"' in options.malformed[0]
    assert hidden("cpuid=no-avx") == ["AVX"]


@pytest.mark.parametrize("xen", ["4.13", "4.17", "master", "xenserver-8", "xenserver-8.2-retrofit"])
def test_plain_names_are_all_found(xen: str) -> None:
    """The search finds every name of a release when nothing follows it."""
    names = [name.encode() for name in release(xen).cmdline_names]
    # A name that begins with "no-" needs another one in front.
    items = ["no-" * (name.startswith(b"no-")) + name.decode() for name in names]
    assert [find_name(names, item) for item in items] == list(range(len(names)))


def test_names_that_begin_with_no() -> None:
    """no-lmsl is read as lmsl, which is none; the feature NO_LMSL is hidden by no-no-lmsl."""
    assert "cpuid=no-lmsl" in parse_cmdline("cpuid=no-lmsl", XEN).notes[0]
    assert hidden("cpuid=no-no-lmsl") == ["NO_LMSL"]


@given(st.text(alphabet="avx512-=noyes,:;", max_size=20))
def test_search_matches_only_whole_names(item: str) -> None:
    """What the search finds is a name that ends in the item at the end or at one of , : ; =."""
    names = [name.encode() for name in XEN.cmdline_names]
    index = find_name(names, item)
    if index is not None:
        rest = item.removeprefix("no-").removeprefix(names[index].decode())
        assert rest == "" or rest[0] in ",:;="


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("tsx=maybe", '"maybe" is neither true nor false'),
        ("xsave=2", '"2" is neither true nor false'),
        ("smap=pv", '"pv" is neither true, false nor "hvm"'),
        ("no-smep=1", '"no-smep" takes no value'),
        ("spec-ctrl=yes", '"yes" is accepted only in the negative'),
        ("spec-ctrl=msr-sc=dom0", '"dom0" in the item'),
        ("spec-ctrl=gds-mit=2", "gds-mit=2"),
        ("cpuid=avx2:1", 'item "avx2:1" is none of avx2'),
        ("maxcpus=four", '"four" is no number'),
        ("psr=cat,cdp:maybe", '"maybe" is neither true nor false'),
        ("watchdog=maybe", '"maybe" is neither true, false nor "force"'),
        ("vpmu=fast", '"fast" is none of a boolean, bts, ipc, arch'),
    ],
)
def test_malformed_item(text: str, part: str) -> None:
    """An item Xen would complain about is left out and named; strict reading refuses it."""
    assert part in parse_cmdline(text, XEN).malformed[0]
    with pytest.raises(CommandLineError, match=text.split("=")[0]):
        parse_cmdline(text, XEN, strict=True)


def test_unknown_is_noted_not_refused() -> None:
    """Options and items that mean nothing here are ignored with a note, strict or not."""
    options = parse_cmdline("console=vga spec-ctrl=rsb cpuid=no-flux", XEN, strict=True)
    assert [note.split(" is ignored")[0] for note in options.notes] == [
        'command line option "console=vga"',
        'command line option "spec-ctrl=rsb"',
        'command line option "cpuid=no-flux"',
    ]


def test_options_have_releases() -> None:
    """An option that a release lacks is unknown to it."""
    assert not parse_cmdline("pku=0", release("4.17")).pku
    assert parse_cmdline("pku=0", release("4.18")).pku
    assert parse_cmdline("cpuid=avx512", release("xenserver-8.2")).avx512
    assert parse_cmdline("cpuid=avx512", XEN).avx512 is None


def test_retrofit_finds_avx512_in_its_table() -> None:
    """The retrofit has avx512 among the names, so its search must find it."""
    assert parse_cmdline("cpuid=no-avx512", release("xenserver-8.2-retrofit")).avx512 is False


def test_option_is_cut_at_127_characters() -> None:
    """Xen drops what does not fit its buffer, and the last item with it."""
    names = "cpuid=" + ",".join(["no-avx"] * 30)
    options = parse_cmdline(names, XEN)
    assert len(options.cpuid) == 17
    assert "reads the first 127" in options.notes[0]


def test_dom0_part_is_not_xens() -> None:
    """What follows " -- " belongs to dom0."""
    assert parse_cmdline("tsx=1 -- tsx=0", XEN).tsx == 1


def test_control_character_is_an_error() -> None:
    """A line break cannot stand in a command line."""
    with pytest.raises(CommandLineError, match=r"'\\n'"):
        parse_cmdline("tsx=1\ntsx=0", XEN)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text leads to anything but options or the one error."""
    try:
        parse_cmdline(text, XEN)
    except CommandLineError:
        assert not text.isprintable()
