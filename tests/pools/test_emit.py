"""Configuration text, read back by its own rules."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import Release, release
from xenops_cpu.guests.xl import Setting
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.pools.emit import Difference, EmitError, base, libvirt, reading, xapi, xl, xl_cpuid
from xenops_cpu.pools.emit.difference import x_is_max
from xenops_cpu.pools.emit.libvirt_cpu import comment

NONE = Featureset(0, 19)


def difference(base: str, level: str, xen: str) -> Difference:
    return Difference(release(xen), names(base, xen), names(level, xen))


def test_names_for_a_recent_xl() -> None:
    """From 4.18: host, and each feature by Xen's name in lower case, MSR bits too."""
    text = xl(difference("FPU AVX SSE4_2 RDCL_NO", "FPU MD_CLEAR", "4.19"))
    assert text == 'cpuid = "host,sse4-2=0,avx=0,rdcl-no=0,md-clear=1"\n'


def test_registers_for_an_older_xl() -> None:
    """Before 4.18: a string of 32 characters for each register, and what cannot be reached."""
    text = xl(difference("FPU AVX AVX2 RDCL_NO", "FPU MD_CLEAR", "4.17"))
    assert text.splitlines() == [
        "# without AVX AVX2 RDCL_NO",
        "# with MD_CLEAR",
        "# xl before 4.18 cannot reach MSRs, these stay as the host gives them: RDCL_NO",
        "cpuid = [",
        f'  "0x1:ecx={"xxx0".ljust(32, "x")}",',
        f'  "0x7,0x0:ebx={"x" * 26}0xxxxx,edx={"x" * 21}1xxxxxxxxxx",',
        "]",
    ]


@pytest.mark.parametrize(
    ("xen", "is_max"),
    [
        ("4.7", True),
        ("4.12", True),
        ("4.13", True),
        ("4.15", True),
        ("4.16", False),
        ("4.17", False),
    ],
)
def test_what_an_x_stands_for(xen: str, is_max: bool) -> None:
    """The maximum up to 4.15, the default from 4.16 on; releases of which less is known too."""
    assert x_is_max(release(xen)) is is_max


FEATURES = st.lists(st.integers(0, 19 * 32 - 1), max_size=12)


@given(FEATURES, FEATURES)
def test_registers_say_just_the_difference(base: list[int], level: list[int]) -> None:
    """Read back, the strings set and clear the CPUID bits that differ and leave all others."""
    xen = release("4.17")
    given = Difference(xen, Featureset.of_features(base, 19), Featureset.of_features(level, 19))
    reachable = {n for n in set(base) ^ set(level) if xen.words[n // 32].leaf is not None}
    if not reachable:
        return
    assert read_registers(xl(given), xen) == {n: n in level for n in reachable}


def read_registers(text: str, xen: Release) -> dict[int, bool]:
    words = {
        (word.leaf, word.subleaf, word.register): word.index
        for word in xen.words
        if word.leaf is not None
    }
    found: dict[int, bool] = {}
    for leaf, subleaf, registers in re.findall(r'"(0x\w+)(?:,(0x\w+))?:([^"]+)"', text):
        for register in registers.split(","):
            name, _, bits = register.partition("=")
            assert len(bits) == 32
            index = words[int(leaf, 16), int(subleaf, 16) if subleaf else None, name]
            found |= {
                index * 32 + 31 - place: bit == "1" for place, bit in enumerate(bits) if bit != "x"
            }
    return found


def test_no_difference_needs_no_line() -> None:
    """A comment says so."""
    assert xl(difference("FPU", "FPU", "4.17")).startswith("# the host gives just this level")


def test_what_cannot_be_written() -> None:
    """MSR bits alone before 4.18; bits without a name where names are needed."""
    with pytest.raises(EmitError, match=r"xl before 4\.18 cannot reach MSRs: RDCL_NO"):
        xl(difference("RDCL_NO", "", "4.17"))
    nameless = Difference(release("4.19"), Featureset.of_features([10], 19), Featureset(0, 19))
    with pytest.raises(EmitError, match=r"no name for bit <0\*32\+10>"):
        xl(nameless)
    with pytest.raises(EmitError, match=r"libvirt has no name for bit <0\*32\+10>"):
        libvirt(nameless)


def test_libvirt() -> None:
    """host-passthrough with features to disable and to force, by libvirt's names."""
    root = ElementTree.fromstring(libvirt(difference("SSE3 AVX AVX2", "MD_CLEAR", "4.17")))
    assert root.attrib == {"mode": "host-passthrough"}
    assert [(item.get("policy"), item.get("name")) for item in root] == [
        ("disable", "pni"),
        ("disable", "avx"),
        ("disable", "avx2"),
        ("force", "md-clear"),
    ]


@pytest.mark.parametrize(
    ("xen", "features", "names_"),
    [
        ("4.17", "SSE4_1 CLFLUSH HTT CX16", ["clflush", "ht", "cx16", "sse4.1"]),
        ("4.20", "SSE4_1 CLFLUSH HTT CX16", ["clflush", "ht", "cx16", "sse4.1"]),
        ("4.16", "TSC_ADJUST XSAVEOPT RDCL_NO", ["xsaveopt", "tsc_adjust", "rdcl-no"]),
        ("4.13", "TSC_ADJUST AESNI SEP", ["sep", "aes", "tsc_adjust"]),
    ],
)
def test_libvirts_names_by_release(xen: str, features: str, names_: list[str]) -> None:
    """Those that libxl of that release takes, the oldest where there are several."""
    root = ElementTree.fromstring(
        libvirt(Difference(release(xen), names(features, xen), NONE, NONE))
    )
    assert sorted(item.get("name", "") for item in root) == sorted(names_)


def test_what_libxl_has_no_name_for_is_a_comment() -> None:
    """It is said, and nothing is written that means something else."""
    text = libvirt(Difference(release("4.13"), names("SSE3 XSAVEOPT", "4.13"), NONE, NONE))
    assert "<!-- libxl of Xen 4.13 has no name for XSAVEOPT -->" in text
    assert [item.get("name") for item in ElementTree.fromstring(text)] == ["pni"]
    with pytest.raises(EmitError, match=r"names libxl of Xen 4\.12 takes is not known"):
        libvirt(difference("SSE3", "", "4.12"))


def test_a_line_size_is_no_feature() -> None:
    """clflush= is the size of a cache line to xl; the feature is clfsh."""
    assert "clfsh=0" in xl(difference("FPU CLFLUSH", "FPU", "4.18"))


@pytest.mark.parametrize("xen", ["4.13", "4.14", "4.15"])
def test_x_is_the_maximum_in_old_releases(xen: str) -> None:
    """So what a guest may have and the level has not is written as 0, VMX among it."""
    text = xl(difference("SSE3 SSSE3 AVX", "SSE3 SSSE3", xen))
    (bits,) = re.findall(r"0x1:.*ecx=([01x]{32})", text)
    values = {31 - place: bit for place, bit in enumerate(bits)}
    assert (values[28], values[5], values[0]) == ("0", "0", "x")
    assert "an x is the host's maximum" in text
    some = Difference(release(xen), names("AVX", xen), NONE, names("AVX FMA", xen))
    (bits,) = re.findall(r"ecx=([01x]{32})", xl(some))
    assert {31 - place for place, bit in enumerate(bits) if bit == "0"} == {28, 12}
    libvirts = ElementTree.fromstring(libvirt(some))
    assert [item.get("name") for item in libvirts] == ["avx", "fma"]


def test_a_leaf_is_set_at_once_in_4_13() -> None:
    """Its other registers become the maximum's, so they are written too."""
    some = Difference(release("4.13"), names("AVX2", "4.13"), NONE, names("AVX2 PKU", "4.13"))
    assert re.search(r"0x7,0x0:ebx=[x0]{32},ecx=x{28}0xxx", xl(some))
    later = evolve(some, release=release("4.14"))
    assert "ecx" not in xl(later)


def test_xapi() -> None:
    """The command for a VM's next boot, and the one to undo it."""
    lines = xapi(Featureset.parse("1-2"), "1234").splitlines()
    assert lines[0] == "xe vm-param-set uuid=1234 platform:featureset=00000001-00000002"
    assert "param-key=featureset" in lines[2]


def test_where_the_text_starts_from() -> None:
    """What some host gives and the level has not is switched off, what one lacks is switched on."""
    hosts = [host("a", "FPU SSE AVX"), host("b", "FPU SSE AVX2")]
    level = names("FPU SSE MD_CLEAR")
    found = base(hosts, HVM, level)
    assert found == names("FPU SSE AVX AVX2")
    difference = Difference(release("4.17"), found, level)
    assert difference.off == names("AVX AVX2")
    assert difference.on == names("MD_CLEAR")
    assert base([host("a", "SSE")], HVM, names("SSE")) == names("SSE")
    same = base([host("a", "FPU SSE MD_CLEAR")], HVM, level)
    assert same == level
    hvm = evolve(hosts[0], offers={HVM: Offer(HVM, names("FPU"), names("FPU"))})
    assert base([hvm], HVM, names("FPU")) == names("FPU")
    assert base([hvm], PV, names("FPU")) == Featureset(0, 19)


def test_names_came_with_4_18() -> None:
    """Xen 4.17's xl takes registers, 4.18's takes names."""
    for xen, text in (("4.17", "cpuid = [\n"), ("4.18", 'cpuid = "host,')):
        tables = release(xen)
        difference = Difference(tables, tables.featureset(["AVX"]), tables.featureset([]))
        assert text in xl(difference)


def test_bits_beyond_the_words_of_a_release() -> None:
    """A register string has no place for them, nor for MSRs: they are named as left alone."""
    xen = release("4.17")
    beyond = Featureset.of_features([0, xen.length * 32, 20 * 32 + 1], 21)
    caps = beyond | xen.featureset(["RDCL_NO", "EIBRS"])
    text = xl(Difference(xen, caps, Featureset(0, 21)))
    assert (
        "# xl before 4.18 cannot reach MSRs, these stay as the host gives them: RDCL_NO EIBRS "
        "<19*32+0> <20*32+1>\n"
    ) in text
    with pytest.raises(EmitError, match=r"cannot reach MSRs: RDCL_NO EIBRS$"):
        xl(Difference(xen, xen.featureset(["RDCL_NO", "EIBRS"]), Featureset(0, 19)))


def test_libvirt_word_for_word() -> None:
    """One element a feature, those to be switched off first."""
    xen = release("4.17")
    text = libvirt(Difference(xen, xen.featureset(["AVX", "HTT"]), xen.featureset(["MD_CLEAR"])))
    assert text == (
        "<cpu mode='host-passthrough'>\n"
        "  <feature policy='disable' name=\"ht\"/>\n"
        "  <feature policy='disable' name=\"avx\"/>\n"
        "  <feature policy='force' name=\"md-clear\"/>\n"
        "</cpu>\n"
    )


def test_xapi_without_a_vm() -> None:
    """UUID stands for the VM's."""
    assert xapi(names("FPU")).startswith("xe vm-param-set uuid=UUID platform:featureset=00000001-")


def test_names_that_libxl_gets() -> None:
    """Those of a text for xl or libvirt; none where it has registers, or says nothing."""
    recent = difference("FPU AVX SSE3", "FPU MD_CLEAR", "4.19")
    assert reading.names("xl", xl(recent)) == ("sse3", "avx", "md-clear")
    assert reading.names("libvirt", libvirt(recent)) == ("sse3", "avx", "md-clear")
    assert reading.names("xl", xl(difference("FPU AVX", "FPU", "4.17"))) == ()
    assert reading.names("xl", xl(difference("FPU", "FPU", "4.19"))) == ()


def test_a_text_that_sets_nothing() -> None:
    """xl reads no setting from it, and xapi's reader says that it has no featureset."""
    assert reading.setting("xl", xl(difference("FPU", "FPU", "4.19")), release("4.19")) == Setting()
    with pytest.raises(EmitError) as refused:
        reading.featureset("xe vm-start")
    assert str(refused.value) == "the text names no featureset"


def test_registers_for_a_recent_xl() -> None:
    """Where names cannot say it: what stays, and why the highest leaves are set, is said."""
    some = difference("FPU AVX RDCL_NO", "FPU", "4.19")
    limit = "0x7,0x0:eax=" + "0" * 32
    assert xl_cpuid.registers(some, limits=[limit]).splitlines() == [
        "# without AVX RDCL_NO",
        "# this form of cpuid= cannot reach MSRs, these stay as the host gives them: RDCL_NO",
        "# the highest leaves are set to the least of the hosts', which names cannot do; one text "
        "for each host (--for HOST) has names",
        "cpuid = [",
        f'  "0x1:ecx={"xxx0".ljust(32, "x")}",',
        f'  "{limit}",',
        "]",
    ]


def test_a_comment_of_libvirts() -> None:
    """Two hyphens would end it in XML; several names are told apart by blanks."""
    assert comment("a--b") == "  <!-- a- -b -->\n"
    text = libvirt(Difference(release("4.13"), names("XSAVEOPT XSAVEC", "4.13"), NONE, NONE))
    assert "  <!-- libxl of Xen 4.13 has no name for XSAVEOPT XSAVEC -->\n" in text
