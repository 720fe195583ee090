"""Names that others give to features: found, told, and never mixed up."""

from __future__ import annotations

import pytest

from xenops_cpu.features import aliases
from xenops_cpu.features.release import NEWEST, RELEASES, release


def named(text: str, xen: str = NEWEST) -> list[str]:
    return release(xen).names(aliases.find(text, release(xen)))


@pytest.mark.parametrize("name", RELEASES)
def test_every_feature_by_its_own_name(name: str) -> None:
    """A release's name means that release's feature, in lower case and with hyphens too."""
    xen = release(name)
    for feature in xen.features.values():
        assert aliases.find(feature.name, xen) == (feature.number,)
        assert aliases.find(feature.name.lower().replace("_", "-"), xen) == (feature.number,)


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("clfsh", "CLFLUSH"),
        ("sysenter", "SEP"),
        ("sse4.1", "SSE4_1"),
        ("cmpxchg16", "CX16"),
        ("pni", "SSE3"),
        ("spec-ctrl", "IBRSB"),
        ("arch-capabilities", "ARCH_CAPS"),
        ("invtsc", "ITSC"),
        ("nonstop_tsc", "ITSC"),
        ("lfence+", "LFENCE_DISPATCH"),
        ("movebe", "MOVBE"),
        ("msse", "MISALIGNSSE"),
        ("avx512ifma", "AVX512_IFMA"),
        ("ht", "HTT"),
        ("perfctr_core", "<3*32+23>"),
        ("fcmov", "<2*32+16>"),
        ("<3*32+23>", "<3*32+23>"),
        ("5*32+4", "HLE"),
        ("ppin", "AMD_PPIN INTEL_PPIN"),
        ("linux:ssbd", "AMD_SSBD SSBD"),
    ],
)
def test_others_names(text: str, features: str) -> None:
    """Names of xl, libvirt, Linux and older tools, and a bit's number, are found."""
    assert named(text) == features.split()


def test_xens_names_win() -> None:
    """libvirt's ssb-no is another feature than Xen's SSB_NO: who is meant can be said."""
    assert named("ssb-no") == ["SSB_NO"]
    assert named("libvirt:ssb-no") == ["INTEL_SSB_NO"]
    assert aliases.aliases(aliases.find("SSB_NO")[0])["libvirt"] == ("amd-no-ssb",)


def test_a_name_of_old() -> None:
    """A feature that was renamed is found under both names, in releases of either time."""
    assert named("AVX512IFMA", "4.17") == ["AVX512_IFMA"]
    assert named("AVX512_IFMA", "4.9") == ["AVX512IFMA"]


def test_a_newer_name_on_an_old_release() -> None:
    """Xen's name wins there too, over what others call so."""
    assert aliases.find("SSB_NO", release("4.9")) == aliases.find("SSB_NO")
    assert release("4.9").feature(aliases.find("SSB_NO")[0]) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hlee", 'no Xen release has a feature "hlee"; did you mean HLE'),
        ("xl:pni", 'xl has no feature "pni"'),
        ("qemu:hle", '"qemu" has no names here; there are xl, libvirt, linux, xen-cpuid'),
        ("1*32+32", "no Xen release"),
    ],
)
def test_what_is_not_a_feature(text: str, words: str) -> None:
    """The message says what is close, or whose names there are."""
    with pytest.raises(aliases.UnknownFeature, match=words):
        aliases.find(text)


def test_every_alias_leads_back() -> None:
    """What a speaker is said to call a feature means that feature when that speaker says it."""
    for feature in release(NEWEST).features.values():
        for speaker, names in aliases.aliases(feature.number).items():
            for name in names:
                assert feature.number in aliases.find(f"{speaker}:{name}")


def test_every_feature_has_xl_s_name() -> None:
    """xl can be told of every feature of the newest release."""
    for feature in release(NEWEST).features.values():
        assert aliases.XL in aliases.aliases(feature.number)


def test_since() -> None:
    """The first upstream release that names it, under whatever name."""
    numbers = release(NEWEST).features
    assert aliases.since(numbers["FPU"].number) == "4.7"
    assert aliases.since(numbers["AVX512_IFMA"].number) == "4.8"
    assert aliases.since(numbers["MOVRS"].number) == "master"
    assert aliases.since(10) is None


def test_each_speaker_s_own_names() -> None:
    """Hyphens at xl and libvirt, underscores at Linux, the tool's own at xen-cpuid."""
    features = release(NEWEST).features
    number = features["AVX512_VPOPCNTDQ"].number
    assert aliases.aliases(number) == {
        "xl": ("avx512-vpopcntdq",),
        "libvirt": ("avx512-vpopcntdq",),
        "linux": ("avx512_vpopcntdq",),
        "xen-cpuid": ("avx512_vpopcntdq", "avx512-vpopcntdq"),
    }
    assert aliases.aliases(number, release("4.13"))["xen-cpuid"] == ("avx512_vpopcntdq",)
    assert aliases.aliases(number, release("4.20"))["xen-cpuid"] == ("avx512-vpopcntdq",)
    assert "xen-cpuid" not in aliases.aliases(number, release("4.7"))


def test_what_has_no_name_is_left_out() -> None:
    """Nobody calls a feature "-" or by an empty name, and reserved bits have none at the tool."""
    for number in range(32 * 22):
        told = aliases.aliases(number)
        assert all(names for names in told.values())
        assert not {"-", "", "REZ"} & {name for names in told.values() for name in names}
    with pytest.raises(aliases.UnknownFeature, match='xen-cpuid has no feature "rez"'):
        aliases.find("xen-cpuid:rez")


def test_amds_copies_do_not_take_the_names_of_leaf_1() -> None:
    """xen-cpuid calls both fpu; the name means the feature of leaf 1, as those of word 1 do."""
    assert aliases.find("xen-cpuid:fpu") == (0,)
    assert aliases.find("xen-cpuid:sse3") == (32,)
    assert aliases.find("xen-cpuid:syscall") == (64 + 11,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hle-", 'no Xen release has a feature "hle-"; did you mean HLE?'),
        ("zzzzzz", 'no Xen release has a feature "zzzzzz"'),
        (
            " " + "q" * 70,
            f'no Xen release has a feature "{"q" * 60}"',
        ),
        (
            "avx512_v",
            'no Xen release has a feature "avx512_v"; did you mean AVX512VL, AVX512_VNNI, '
            "AVX512_VBMI?",
        ),
    ],
)
def test_the_whole_message(text: str, message: str) -> None:
    """Close names where there are any, three at most; a long text is cut at 60 characters."""
    with pytest.raises(aliases.UnknownFeature) as refused:
        aliases.find(text)
    assert str(refused.value) == message
