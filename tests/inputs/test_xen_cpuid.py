"""xenops_cpu.sources.printed.xen_cpuid: what a real xen-cpuid printed, and damage to it."""

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests import SHARED, needs_shared
from tests.support.hosts import example
from tests.support.reports import golden
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.fit import fit
from xenops_cpu.features.release import RELEASES, release
from xenops_cpu.hosts import parts
from xenops_cpu.inputs import InputError
from xenops_cpu.sources.printed import xen_cpuid

EPYC = "epyc-xen-4.17"
IVY = "ivybridge-xen-4.17"
SETS = ("raw", "host", "pv_default", "hvm_default", "pv_max", "hvm_max")


@pytest.mark.parametrize("text", [f"{EPYC}.xen-cpuid.txt", f"{IVY}.xen-cpuid-d.txt"])
def test_the_sets_are_those_of_the_capture(text: str) -> None:
    """xen-cpuid -i and -d, against the sets that libxc gave in the same boot."""
    printed = xen_cpuid.parse(golden(text), text)
    expected = example(text.partition(".xen-cpuid")[0]).featuresets
    assert printed.parts.sets == {name: getattr(expected, name) for name in SETS}
    assert not printed.domains
    assert not printed.decoded


def test_the_policies_are_those_of_the_capture() -> None:
    """xen-cpuid -p has all six; raw is what the capture has. All-zero leaves are not printed."""
    policies = xen_cpuid.parse(golden(f"{EPYC}.xen-cpuid-p.txt"), "p").parts.policies
    assert set(policies) == set(SETS)
    captured = example(EPYC).policies["raw"]
    assert policies["raw"].msrs == captured.msrs
    assert policies["raw"].leaves == {
        key: registers for key, registers in captured.leaves.items() if any(registers)
    }


def test_sets_and_policies_in_one_text() -> None:
    """Several commands' output in one file, in either order."""
    sets, policies = golden(f"{EPYC}.xen-cpuid.txt"), golden(f"{EPYC}.xen-cpuid-p.txt")
    one = xen_cpuid.parse(sets + policies, "both").parts
    assert one == xen_cpuid.parse(policies + sets, "both").parts
    assert len(one.sets) == len(one.policies) == 6


def test_the_static_sets_tell_the_release() -> None:
    """A text without a version still gets the right names."""
    host = parts.host(xen_cpuid.parse(golden(f"{EPYC}.xen-cpuid.txt"), "i").parts, "test")
    assert host.release.name == "4.17"
    assert "the version of Xen is taken from its static sets: Xen 4.17's" in host.notes


@pytest.mark.parametrize("name", RELEASES)
def test_every_release_and_its_widths(name: str) -> None:
    """Columns of 18 and 24, sets under the older and the newer names, unsupported sets."""
    xen = release(name)
    wide = name not in RELEASES[: RELEASES.index("xenserver-8.2-4.13.5-9.39")]
    width = 24 if wide else 18
    masks = ("PV Max", "PV Default") if xen.has_max else ("PV Mask",)
    pv = "PV Default" if xen.has_max else "PV"
    host = Featureset((1 << xen.length * 32) - 1, xen.length)

    def line(title: str, featureset: Featureset) -> str:
        return f"{title:{width}}        {featureset.text(':')}\n"

    text = f"nr_features: {xen.length}\n\nStatic sets:\n" + line("Known", xen.masks["known"])
    text += "".join(
        line(mask, xen.masks["pv_max" if mask == "PV Max" else "pv_def"]) for mask in masks
    )
    text += "\nDynamic sets:\n" + line("Raw", host) + line("Host", host) + line(pv, host)
    text += "HVM Max featureset not supported by Xen\n"
    found = xen_cpuid.parse(text, name).parts
    assert found.sets == {"raw": host, "host": host, "pv_default": host}
    made = parts.host(found, name)
    assert made.release.masks["known"] == xen.masks["known"]
    assert made.release.length == xen.length


def test_a_decoded_featureset() -> None:
    """What xen-cpuid prints for an argument is a featureset, of no host."""
    text = (
        "Raw                             178bfbfd:80002001\n  [00] CPUID 0x00000001.edx     fpu\n"
    )
    assert xen_cpuid.recognises(text)
    printed = xen_cpuid.parse(text, "argument")
    assert printed.decoded == (Featureset.parse("178bfbfd:80002001"),)
    assert not printed.parts.a_host


def test_the_policy_of_a_domain() -> None:
    """xen-cpuid -p 5 is that of a VM."""
    text = golden(f"{EPYC}.xen-cpuid-p.txt").partition("Host policy")[0].replace("Raw", "Domain 5")
    printed = xen_cpuid.parse(text, "p")
    assert list(printed.domains) == [5]
    assert not printed.parts.policies


def test_damage_to_sets_is_told_with_its_line() -> None:
    """Another number of words, and a word with a digit missing."""
    text = golden(f"{EPYC}.xen-cpuid.txt")
    with pytest.raises(InputError, match="x, line 5: Known has 19 words, and there are 18"):
        xen_cpuid.parse(text.replace("nr_features: 19", "nr_features: 18"), "x")
    raw = next(line for line in text.splitlines() if line.startswith("Raw "))
    with pytest.raises(InputError, match=r'x, line 15: "Raw .* is not a set: words of 8 hex'):
        xen_cpuid.parse(text.replace(raw, raw[:-1]), "x")


def test_damage_to_policies_is_told_with_its_line() -> None:
    """A leaf with a digit missing, and the end in the middle."""
    text = golden(f"{EPYC}.xen-cpuid-p.txt")
    with pytest.raises(InputError, match=r'line 5: "00000000:fffffff -> .* is not leaf:subleaf'):
        xen_cpuid.parse(text.replace("00000000:ffffffff", "00000000:fffffff", 1), "x")
    with pytest.raises(InputError, match="the Raw policy ends before its MSRs"):
        xen_cpuid.parse("".join(text.splitlines(keepends=True)[:12]), "x")


@given(st.data())
def test_a_text_cut_short_is_refused_or_has_whole_sets(data: st.DataObject) -> None:
    """Whatever is cut off: what is given is as it was printed, all of it."""
    name = data.draw(st.sampled_from([f"{EPYC}.xen-cpuid.txt", f"{IVY}.xen-cpuid-p.txt"]))
    text = golden(name)
    whole = xen_cpuid.parse(text, name).parts
    cut = data.draw(st.integers(0, len(text)))
    try:
        found = xen_cpuid.parse(text[:cut], name).parts
    except InputError:
        return
    assert found.sets.items() <= whole.sets.items()
    for key, policy in found.policies.items():
        assert policy.leaves == whole.policies[key].leaves


@needs_shared
def test_every_boot_of_the_reference_data() -> None:
    """20 boots of Xen 4.17 and 4.20: sets and policies against libxc's in the same boot."""
    seen = 0
    for path in sorted((SHARED / "xen-real").glob("captures*/*.json")):
        captured = json.loads(path.read_text())
        texts = [
            path.with_name(f"{path.stem}.xen-cpuid{kind}.txt").read_text()
            for kind in ("", "-d", "-p")
        ]
        brief, detail, policies = (xen_cpuid.parse(text, path.stem).parts for text in texts)
        assert brief.sets == detail.sets
        for name, words in captured["featuresets"].items():
            key = {"pv": "pv_default", "hvm": "hvm_default"}.get(name, name)
            numbers = (int(word, 16) if isinstance(word, str) else word for word in words)
            assert brief.sets[key] == Featureset.of_words(numbers)
        made = parts.host(evolve(policies, version=captured["xen_version"]), path.stem)
        assert made.release == fit(captured["xen_version"], 0).release
        assert len(policies.policies) == 6
        seen += 1
    assert seen >= 20
