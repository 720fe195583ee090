"""xl's own words for a guest's CPU: both syntaxes, whole configurations, and what they reset."""

from __future__ import annotations

import pytest

from tests.support.guests import EPYC, SKYLAKE, domain, featureset, hypervisor, names
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.guests import libxl_names, xl_config
from xenops_cpu.guests.libxc import apply
from xenops_cpu.guests.resets import resets
from xenops_cpu.guests.wishes import Wishes
from xenops_cpu.guests.xl import Setting, read, resulting, xend_text
from xenops_cpu.guests.xl_config import XlConfigError

XEN = release("4.17")
X = "x" * 32


def registers(setting: Setting) -> dict[str, str]:
    """The strings by `leaf[,subleaf]:register`."""
    found = {}
    for text in setting.texts():
        place, _, rest = text.partition(":")
        for part in rest.split(","):
            register, _, characters = part.partition("=")
            found[f"{place}:{register}"] = characters
    return found


@pytest.mark.parametrize(
    ("text", "place", "characters"),
    [
        ("host,sse3=0", "0x1:ecx", X[:31] + "0"),
        ("host,sse3=0,vmx=k,sse3=1", "0x1:ecx", X[:26] + "k" + X[:4] + "1"),
        ("host,maxleaf=13", "0x0:eax", "0" * 28 + "1101"),
        ("host,maxleaf=0xd", "0x0:eax", "0" * 28 + "1101"),
        ("host,maxleaf=015", "0x0:eax", "0" * 28 + "1101"),
        ("host,model=85", "0x1:eax", X[:12] + "0101" + X[:8] + "0101" + X[:4]),
        ("host,family=6", "0x1:eax", X[:4] + "00000000" + X[:8] + "0110" + X[:8]),
        ("host,family=23", "0x1:eax", X[:4] + "00001000" + X[:8] + "1111" + X[:8]),
        ("host,family=x", "0x1:eax", X[:4] + "00000000" + X[:20]),
        ("host,proccount=4", "0x1:ebx", X[:8] + "00000100" + X[:16]),
        ("host,hle=s", "0x7,0x0:ebx", X[:27] + "s" + X[:4]),
        ("host,sse3=3", "0x1:ecx", X[:31] + "1"),
        ("host,,sse3=1,", "0x1:ecx", X[:31] + "1"),
    ],
)
def test_names_and_values(text: str, place: str, characters: str) -> None:
    """A number's low bits, or x, k, s; later items overwrite bits of earlier ones."""
    setting = read(text, XEN)
    assert registers(setting) == {place: characters}
    assert not setting.complaints


def test_features_in_registers() -> None:
    """From 4.14 on libxl knows Xen's names, and ARCH_CAPS by them; s means k there."""
    setting = read("host,rdcl-no=0,rsba=1,eibrs=s", XEN)
    (string,) = setting.msr
    assert string.index == 0x10A
    assert string.text == "x" * 61 + "1k0"
    assert read("host,rdcl-no=0", release("4.13")).complaints


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sse3=0", 'the first word must be "host"'),
        ("host,sse3", 'no "=" in it'),
        ("host,tea=1", 'has no name "tea"'),
        ("host,sse3=q", "a value is a number, x, k or s"),
        ("host,rdcl-no=2", "one of 0, 1, x, k, s"),
        ("host,=1", 'has no name ""'),
    ],
)
def test_what_xl_complains_of(text: str, words: str) -> None:
    """It says so and goes on with the rest."""
    (complaint,) = read(text, XEN).complaints
    assert words in complaint


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("zz:eax=" + X, "not LEAF"),
        ("1z:eax=" + X, "not LEAF"),
        ("1,z:eax=" + X, "not LEAF"),
        ("1", "not LEAF"),
        ("1:rax=" + X, "a register is eax"),
        ("1:eax", "a register is eax"),
        ("1:eax=x", "has 1 characters"),
    ],
)
def test_bad_xend_strings(item: str, words: str) -> None:
    """As xl finds them; a leaf whose strings are bad is named all the same, as libxl does."""
    (complaint,) = read([item], XEN).complaints
    assert words in complaint


def test_xend_strings_as_xl_writes_them() -> None:
    """Several registers of a leaf, with a subleaf, in any order."""
    one = "0x7,0x0:ebx=" + X + ", ecx=" + "0" * 32
    setting = read([one, "1:edx=" + "1" * 32], XEN)
    assert registers(setting) == {
        "0x7,0x0:ebx": X, "0x7,0x0:ecx": "0" * 32, "0x1:edx": "1" * 32,
    }  # fmt: skip
    assert xend_text(setting.xend[0]) == one.replace(", ", ",")
    again = read(setting.texts(), XEN)
    assert again.xend == setting.xend


def test_names_by_release() -> None:
    """4.13 has a table of its own, later releases a short one and Xen's names."""
    old, new = libxl_names.names(release("4.13")), libxl_names.names(release("4.20"))
    assert "avx512f" in old
    assert "rdcl-no" not in old
    assert {"avx512f", "rdcl-no", "invtsc", "cmpxchg16"} <= set(new)
    assert "pbe" in libxl_names.names(XEN)
    assert "btc-no" in new
    assert libxl_names.names(release("xenserver-8")) == libxl_names.names(XEN)
    assert libxl_names.name_of(XEN, XEN.features["ITSC"].number) == "itsc"
    assert libxl_names.name_of(release("4.13"), release("4.13").features["ITSC"].number) == "invtsc"
    assert libxl_names.name_of(release("4.13"), 10 * 32 + 31) is None


def test_what_a_setting_leaves_of_a_level() -> None:
    """What is cleared takes its dependents along; k is the host's bit, x leaves a bit alone."""
    guest = domain(EPYC)
    base = featureset(guest)
    left = resulting(read("host,avx=0,sse4a=0,itsc=1,hle=k", XEN), base, XEN)
    gone = set(XEN.names(base - left))
    assert {"AVX", "AVX2", "FMA", "F16C", "SSE4A"} <= gone
    assert XEN.names(left - base) == ["ITSC"]
    host = Featureset(guest.hypervisor.host_features, XEN.length)
    same = resulting(read("host,sse4a=k", XEN), base, XEN, host)
    assert same == base
    assert "RDCL_NO" in XEN.names(resulting(read("host,rdcl-no=1,arch-caps=1", XEN), base, XEN))


def test_what_libxc_really_leaves() -> None:
    """The short way and a whole domain agree."""
    for text in ("host,sse4a=0,avx2=0", "host,rdrand=0,xsave=0"):
        setting = read(text, XEN)
        plain, _ = apply(domain(EPYC))
        after, _ = apply(domain(EPYC), Wishes(xend=setting.xend, msr=setting.msr))
        left = resulting(setting, featureset(plain), XEN)
        lost = set(XEN.names(featureset(plain) - featureset(after)))
        assert set(XEN.names(featureset(plain) - left)) == lost


def test_what_a_setting_resets() -> None:
    """A register that cpuid= touches loses what libxc put there: VMX, topology, ITSC."""
    guest = domain(nested=True)
    wishes = Wishes(nested=True, itsc=True)
    without, _ = apply(guest, wishes)
    setting = read("host,sse3=0,clflush=8,itsc=x", XEN)
    after, _ = apply(guest, Wishes(nested=True, itsc=True, xend=setting.xend))
    found = {
        (reset.key[0], reset.register): reset for reset in resets(without, after, setting.xend)
    }
    assert found[1, "ecx"].features == ("VMX",)
    assert found[1, "ebx"].bits & 0xFF0000
    assert found[0x80000007, "edx"].features == ("ITSC",)
    assert "SSE3" not in names(after)


# Whole configurations

CONFIG = """
# a guest
type = "hvm"
name = 'web-01'
vcpus = 0x4   # hexadecimal
nestedhvm = 1
nomigrate=1 ; pae = 0
disk = [ 'phy:/dev/vg/web,xvda,w', [ "list", 'in a list' ] ]
cpuid = "host,sse3=0"
cpuid += ",tea=1"
viridian = [ "base", "!freq" ]
"""


def test_a_configuration() -> None:
    """What decides the CPU policy is taken, the rest passed over."""
    guest = xl_config.guest(CONFIG, XEN)
    assert (guest.config.type, guest.config.nested, guest.config.migratable) == ("hvm", True, False)
    assert (guest.wishes.pae, guest.wishes.itsc, guest.wishes.nested) == (False, True, True)
    assert guest.vcpus == 4
    assert guest.viridian == 3
    assert registers(guest.setting) == {"0x1:ecx": X[:31] + "0"}
    assert len(guest.setting.complaints) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [("", "pv"), ('builder = "hvm"', "hvm"), ('type = "pvh"', "pvh"), ("pvh = 1", "pvh"),
     ('cpuid = [ "1:ecx=' + X + '" ]', "pv")],
)  # fmt: skip
def test_types(text: str, kind: str) -> None:
    """The older words for them as well."""
    assert xl_config.guest(text, XEN).config.type == kind


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('type = "xen"', "xl knows pv, hvm and pvh"),
        ('type "pv"', 'line 1: "=" was expected'),
        ("\n\nvcpus = [ 1, 2", "line 3: the list is not closed"),
        ("vcpus = two", "line 1: a text in quotes"),
        ("pae = 'yes'\ntype='hvm'", 'pae = "yes" is no number'),
        ('vcpus = "two"', 'vcpus = "two" is no number'),
        ("vcpus = " + "9" * 5000, "is no number"),
        ("vcpus = 08", "is no number"),
        ("= 3", "begins with a name"),
        ("a = ?", "is no part of xl.cfg"),
        ("a = [ = ]", "cannot stand in a list"),
        ('viridian = [ "tea" ]', '"tea" is none of'),
        ("#" * 70000, "more than 65536 characters"),
    ],
)
def test_bad_configurations(text: str, words: str) -> None:
    """An error names the line and what would be right."""
    with pytest.raises(XlConfigError, match=words.replace("[", r"\[")):
        xl_config.guest(text, XEN)


@pytest.mark.parametrize(("text", "count"), [("010", 8), ("0x10", 16), ('"+3"', 3), ("-1", -1)])
def test_numbers_are_those_of_c(text: str, count: int) -> None:
    """Octal, hexadecimal, with a sign, in quotes or not."""
    assert xl_config.guest(f"vcpus = {text}", XEN).vcpus == count


def test_tsc_mode_and_hap() -> None:
    """An emulated TSC is invariant; hap=0 is shadow paging."""
    guest = xl_config.guest('type="hvm"\ntsc_mode="always_emulate"\nhap=0\nviridian=1', XEN)
    assert guest.wishes.itsc
    assert guest.config.vtsc
    assert guest.config.hap is False
    assert guest.viridian & 1
    assert hypervisor(SKYLAKE).hap
