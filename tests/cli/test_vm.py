"""vm as a person types it: what one VM has, why, what its guest reads, what it finds elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import ROOT
from tests.cli.test_decode import Shell, sh
from tests.cli.test_explain import members
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.features.release import release

__all__ = ["sh"]

SKYLAKE, ICELAKE, EPYC = "cpu:xeon-gold-6154", "cpu:xeon-gold-6336y", "cpu:epyc-7763"
SAPPHIRE = "cpu:xeon-w7-2475x"


@pytest.fixture
def sapphire(sh: Shell, tmp_path: Path) -> str:
    """The policy of a VM that started on a newer CPU under 4.15."""
    path = tmp_path / "sapphire.policy"
    path.write_text(sh("vm", f"{SAPPHIRE}@4.15", "--text"))
    return str(path)


# What it has


def test_in_words(sh: Shell) -> None:
    """Features by name, limits, identity, topology, state, registers; then what is not default."""
    text = sh("vm", f"{SKYLAKE}@4.17")
    for words in (
        "HVM guest under Xen 4.17, made by xl\n",
        " features: FPU VME DE ",
        "highest leaves  dh, subleaf 0 of leaf 7, 80000008h\n",
        "addresses       46 bits physical, 48 bits linear\n",
        "PLATFORM_INFO   80000000h (CPUID faulting",
        "other than this host's HVM default policy\n",
        "  + FDP_EXCP_ONLY NO_FPU_SEL: how the CPU saves x87 state cannot be hidden",
        "logical CPUs of a package (leaf 1): 64 → 128",
    ):
        assert words in text


def test_leaves_and_text(sh: Shell) -> None:
    """--leaves is what xen-cpuid -p prints, --text the form that every command reads."""
    leaves = sh("vm", f"{EPYC}@4.20", "--type", "pv", "--leaves")
    assert leaves.startswith("PV guest under Xen 4.20 policy: 52 leaves, 2 MSRs\n CPUID:\n")
    policy = Policy.parse(sh("vm", f"{EPYC}@4.20", "--type", "pv", "--text"))
    assert len(policy.leaves) == 52
    for (leaf, subleaf), registers in policy.leaves.items():
        line = f"  {leaf:08x}:{subleaf:08x} -> " + ":".join(f"{one:08x}" for one in registers)
        assert (line in leaves) == any(registers)


def test_json(sh: Shell) -> None:
    """All of it, with reasons, for programs."""
    found = sh.json("vm", f"{SKYLAKE}@4.17", "--nested")
    assert (found["release"], found["type"], found["toolstack"]) == ("4.17", "hvm", "xl")
    assert "VMX" in found["features"]
    gained = {one["title"]: one["why"] for one in found["other_than_default"]}
    assert "nested" in gained["VMX"]
    assert found["refusal"] is None
    assert found["changed"] is None


def test_what_differs_from_another_policy(sh: Shell, tmp_path: Path) -> None:
    """--diff takes anything that has a policy; 0 where there is nothing, 1 where there is."""
    path = tmp_path / "a.policy"
    path.write_text(sh("vm", f"{SKYLAKE}@4.17", "--text"))
    assert "the same" in sh("vm", f"{SKYLAKE}@4.17", "--diff", str(path))
    text = sh("vm", f"{SKYLAKE}@4.17", "--nested", "--diff", str(path), code=1)
    assert "VMX" in text
    assert sh.json("vm", f"{SKYLAKE}@4.17", "--diff", str(path))["same"] is True


def test_why(sh: Shell) -> None:
    """The host's story first, then the domain's own; a name of two features means both."""
    text = sh("vm", f"{SKYLAKE}@4.17", "--nested", "--explain", "vmx")
    assert "VMX (CPUID 0x00000001.ecx bit 5) in this HVM guest: yes" in text
    assert "[silicon]" in text
    found = sh.json("vm", f"{EPYC}@4.17", "--explain", "sse4a,rtm")["features"]
    assert [(one["name"], one["present"]) for one in found] == [("SSE4A", True), ("RTM", False)]
    assert all(one["why"] for one in found)


def test_a_level(sh: Shell) -> None:
    """What of a featureset the VM has not, and why."""
    xen = release("4.17")
    words = str(xen.featureset(["FPU", "LM", "PAE", "SSE4A", "SHA"]))
    text = sh("vm", f"{SKYLAKE}@4.17", "--featureset", words)
    assert "asked for, but not there: SSE4A: " in text
    assert "asked for, but not there: SHA: " in text


def test_settings_of_xl(sh: Shell, tmp_path: Path) -> None:
    """An xl.cfg, with options over it; what xl complains of is told."""
    path = tmp_path / "web.cfg"
    path.write_text('type = "pv"\nvcpus = 3\ncpuid = "host,sse3=0,tea=1"\n')
    found = sh.json("vm", f"{SKYLAKE}@4.17", "--xl", str(path))
    assert found["type"] == "pv"
    assert "SSE3" not in found["features"]
    assert "tea" in found["complaints"][0]
    assert sh.json("vm", f"{SKYLAKE}@4.17", "--xl", str(path), "--type", "hvm")["type"] == "hvm"


# What the guest reads


def test_what_the_guest_reads(sh: Shell) -> None:
    """CPUID on a vCPU, Xen's own leaves, registers."""
    text = sh("vm", f"{SKYLAKE}@4.17", "--guest", "--vcpus", "4", "--vcpu", "3")
    assert "00000001:ffffffff -> 00050654:06800800" in text
    assert "40000000:ffffffff -> 40000005:566e6558:65584d4d:4d4d566e" in text
    assert "APIC ids of its vCPUs: 0 2 4 6\n" in text
    found = sh.json("vm", f"{SKYLAKE}@4.17", "--guest", "--viridian", "base")
    answers = {(one["leaf"], one["subleaf"]): one for one in found["cpuid"]}
    assert answers["40000000", None]["ebx"] == "7263694d"
    assert {one["name"]: one["readable"] for one in found["msrs"]}["DE_CFG"] is False


def test_what_the_vcpu_has_switched_on(sh: Shell) -> None:
    """XCR0 means OSXSAVE; without the APIC its bit goes; a PV guest's plain CPUID is told of."""
    with_state = sh("vm", f"{EPYC}@4.20", "--guest", "--xcr0", "7", "--pku", "--apic-off")
    assert "0000000d:00000000 -> 00000207:00000340:" in with_state
    assert "it shows the CPU itself" in sh("vm", f"{EPYC}@4.17", "--type", "pv", "--guest")


# Refused


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("--type", "pv", "--nested"), "nested virtualisation is for HVM guests", 1),
        (("--featureset", "xyz"), '"xyz" is not', 2),
        (("--explain", "no-such-feature"), "no-such-feature", 2),
        (("--diff", "/no/such/file"), "/no/such/file", 3),
        (("--guest", "--viridian", "tea"), '"tea" is none of', 2),
        (("--xl", "/no/such.cfg"), "/no/such.cfg", 3),
        (("--guest", "--vcpus", "2", "--vcpu", "2"), "its vCPUs are 0 to 1", 2),
        (("--guest", "--vcpu", "-1"), "its vCPUs are 0 to 8191", 2),
    ],
)
def test_wrong_use(sh: Shell, arguments: tuple[str, ...], words: str, code: int) -> None:
    """What was wrong is named, and nothing is printed on standard output."""
    assert sh("vm", f"{SKYLAKE}@4.17", *arguments, code=code) == ""
    assert words in sh.errors


def test_an_xl_configuration_that_is_no_text(sh: Shell, tmp_path: Path) -> None:
    """It is told so, by its name."""
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF\xd0\xff")
    assert sh("vm", f"{SKYLAKE}@4.17", "--xl", str(path), code=3) == ""
    assert sh.errors == f"xenops-cpu vm: {path}: no text, and so no configuration of xl\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [("vcpus = 'many'", 'vcpus = "many" is no number'), ("viridian = ['tea']", '"tea" is none of')],
)
def test_an_xl_configuration_with_a_mistake(
    sh: Shell, tmp_path: Path, text: str, words: str
) -> None:
    """It is told with the file's name, in one line."""
    path = tmp_path / "guest.cfg"
    path.write_text(text)
    assert sh("vm", f"{SKYLAKE}@4.17", "--xl", str(path), code=3) == ""
    assert sh.errors.startswith(f"xenops-cpu vm: {path}: ")
    assert words in sh.errors
    assert sh.errors.count("\n") == 1


@pytest.mark.parametrize("option", ["--cores-per-socket", "--vcpus"])
def test_counts(sh: Shell, option: str) -> None:
    """A count below 1 is refused."""
    assert sh("vm", f"{SKYLAKE}@4.17", option, "0", code=2) == ""
    assert "number from 1 on" in sh.errors


def test_what_libxc_refuses(sh: Shell) -> None:
    """Exit code 1, with errno and place; the rest is shown all the same."""
    text = sh("vm", f"{SKYLAKE}@4.17", "--cpuid", "0x14:eax=" + "0" * 32, code=1)
    assert "refused: EINVAL at CPUID 14" in sh.errors
    assert "highest leaves" in text


# Cases of people who were hurt, and what would have told them


def test_a_levelled_vm_that_4_16_refuses(sh: Shell, sapphire: str) -> None:
    """Its features fit and its highest subleaf of leaf 7 does not."""
    sh("vm", f"{SKYLAKE}@4.16", "--stream", sapphire, code=1)
    assert "refused: EINVAL at CPUID 7:0: the highest subleaf of leaf 7 is 2h, at most 0h" in (
        sh.errors
    )
    assert "what the guest finds changed here" in sh("vm", f"{SKYLAKE}@4.17", "--stream", sapphire)


def test_spec_ctrl_of_a_vm_from_4_13(sh: Shell, sapphire: str) -> None:
    """A restore takes BHI_CTRL away, so MSR 48h with bit 10 cannot be loaded."""
    found = sh.json("vm", f"{SAPPHIRE}@4.17", "--stream", sapphire, "--restore")["changed"]
    lost = {one["title"]: one for one in found if one["lost"]}
    assert int(lost["SPEC_CTRL: bits that may be set"]["before"].rstrip("h"), 16) & 1 << 10
    assert not int(lost["SPEC_CTRL: bits that may be set"]["after"].rstrip("h"), 16) & 1 << 10


def test_limits_that_grow_with_an_update(sh: Shell, tmp_path: Path) -> None:
    """Leaves that were out of reach can be read after an update: a program may take them for real.

    Leaf 8000001dh reads as zeros for ever, and programs that count caches there did not end.
    """
    path = tmp_path / "old.policy"
    path.write_text(sh("vm", f"{EPYC}@4.13", "--text"))
    text = sh("vm", f"{EPYC}@4.14", "--diff", str(path), code=1)
    assert "highest extended leaf: 8000001ch → 80000021h" in text


def test_topology(sh: Shell) -> None:
    """What a guest is told of cores, against what the host's default says, with the reason."""
    found = sh.json("vm", f"{SKYLAKE}@4.17")["other_than_default"]
    cores = [one for one in found if one["title"].startswith("logical CPUs of a package")]
    assert [(one["before"], one["after"]) for one in cores] == [("64", "128")]
    assert "APIC id 2n" in cores[0]["why"]


def test_addresses_that_narrow(sh: Shell, sapphire: str) -> None:
    """52 bits become 46, and nobody levels them."""
    text = sh("vm", f"{SKYLAKE}@4.17", "--stream", sapphire)
    assert "physical addresses: " in text


def test_itsc_by_the_toolstack(sh: Shell) -> None:
    """Which knob gives it: nomigrate from 4.14 on; a line in cpuid= is overridden by none."""
    for options in (("--nomigrate",), ("--emulated-tsc",), ("--cpuid", "host,invtsc=1")):
        assert "ITSC" in sh.json("vm", f"{SKYLAKE}@4.17", *options)["features"]
    assert "ITSC" not in sh.json("vm", f"{SKYLAKE}@4.17")["features"]


def test_nested_asked_for_and_not_there(sh: Shell) -> None:
    """A featureset makes libxc ignore nested_virt; XCP-ng's xenguest puts it into the set."""
    level = sh.json("vm", f"{SKYLAKE}@4.17")["policy"]["featureset"]
    text = " ".join(sh("vm", f"{SKYLAKE}@4.17", "--nested", "--featureset", level).split())
    assert "libxc does not look at nested_virt where it is given a featureset" in text
    named = (f"{SKYLAKE}@xenserver-8", "--nested")
    assert "VMX" not in sh.json("vm", *named)["features"]
    assert "VMX" in sh.json("vm", *named, "--xcp-ng")["features"]


def test_why_nested_virtualisation_is_not_there(sh: Shell) -> None:
    """Because of xenguest's featureset, or of cpuid=; where it is there nothing is said."""

    def why(host: str, *arguments: str) -> str:
        text = " ".join(sh("vm", host, "--nested", *arguments).split())
        begin = "asked for, but not there: nested virtualisation: "
        return text.partition(begin)[2].partition(" note:")[0]

    assert why(f"{SKYLAKE}@xenserver-8").startswith("xenguest gives libxc a featureset")
    assert why(f"{SKYLAKE}@xenserver-8", "--xcp-ng") == ""
    assert why(f"{SKYLAKE}@4.17") == ""
    taken = "what the VM is levelled to, or cpuid=, takes it away"
    assert why(f"{SKYLAKE}@4.17", "--cpuid", "host,vmx=0") == taken


def test_cores_per_socket(sh: Shell) -> None:
    """XenServer tells twice as many cores as were asked for, for odd APIC ids are unused."""
    facts = sh.json("vm", f"{SKYLAKE}@xenserver-8", "--cores-per-socket", "4")["facts"]
    assert facts["topology"].startswith("8 logical CPUs a package (leaf 1), 8 cores (leaf 4)")


def test_what_a_line_of_cpuid_resets(sh: Shell) -> None:
    """proccount= sets one field of a register; the others go back to the default policy's."""
    sh("vm", f"{SKYLAKE}@4.17", "--nested", "--cpuid", "host,sse3=0")
    assert "warning: cpuid= touches CPUID 1 ecx" in sh.errors
    assert "VMX" in sh.errors


def test_arch_caps_is_not_levelled(sh: Shell) -> None:
    """A VM levelled without RDCL_NO boots with it, because the boot host has it."""
    document = sh.json("vm", f"{SAPPHIRE}@4.17")
    xen = release("4.17")
    level = xen.featureset(document["features"]) - xen.featureset(["RDCL_NO", "TAA_NO"])
    text = sh("vm", f"{SAPPHIRE}@4.17", "--featureset", str(level))
    assert "ARCH_CAPS is this host's default, not the featureset's" in text
    assert "it is with RDCL_NO TAA_NO" in " ".join(text.split())


def test_another_cpus_policy_silently_cut(sh: Shell, tmp_path: Path) -> None:
    """4.20 takes nearly everything; what it clears is told with the reason."""
    path = tmp_path / "epyc.policy"
    path.write_text(sh("vm", f"{EPYC}@4.20", "--text"))
    found = sh.json("vm", f"{SKYLAKE}@4.20", "--stream", str(path))
    lost = [one["title"] for one in found["changed"] if one["lost"]]
    assert {"SSE4A", "SHA", "physical addresses"} <= set(lost)
    assert all(one["why"] for one in found["changed"])


@pytest.mark.parametrize(
    "options",
    [
        ("--cpuid", "host,sse3=0,tea=1", "--nested"),
        ("--cpuid", "0x14:eax=" + "0" * 32),
        ("--guest",),
        ("--explain", "SSE3"),
    ],
    ids=" ".join,
)
def test_every_member_is_documented(sh: Shell, options: tuple[str, ...]) -> None:
    """docs/json.md names every member that a program may find; titles of facts are for people."""
    code = 1 if "0x14" in " ".join(options) else 0
    document = sh.json("vm", f"{SKYLAKE}@4.17", *options, code=code)
    document.pop("facts", None)
    page = (ROOT / "docs" / "json.md").read_text()
    allowed = {"eax", "ebx", "ecx", "edx"}
    assert {name for name in members(document) if f"{name}`" not in page} <= allowed
