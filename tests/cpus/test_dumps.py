"""xenops_cpu.dumps: CPUs from the files of other programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import SHARED
from xenops_cpu.cpuid.cpu import Cpu
from xenops_cpu.cpuid.identity import LeafKey, Registers
from xenops_cpu.cpus import dumps, shipped
from xenops_cpu.cpus.dumps import DumpError
from xenops_cpu.cpus.dumps.dump import microcode_revision
from xenops_cpu.hosts import capture
from xenops_cpu.limits import input_limits

CORPUS = SHARED / "xen/corpus/dumps.jsonl"

SKYLAKE = shipped.find("xeon-gold-6154+2022-05").cpu
EMERALD = shipped.get("xeon-gold-5520+").cpu
ROME = shipped.get("epyc-7742").cpu

IDENTITIES = list(shipped.catalogue())


def not_zero(cpu: Cpu) -> dict[LeafKey, Registers]:
    return {key: value for key, value in cpu.leaves.items() if any(value)}


def with_leaves(cpu: Cpu, leaves: dict[LeafKey, Registers]) -> Cpu:
    return Cpu(leaves={**cpu.leaves, **leaves}, msrs=cpu.msrs, microcode=cpu.microcode)


def aida(cpu: Cpu, labels: bool = True, number: int = 0) -> str:
    """A CPU as AIDA64 lists it."""
    lines = [f"------[ Logical CPU #{number} ]------", "", "allcpu: Package 0 / Core 0: Valid", ""]
    for (leaf, subleaf), registers in sorted(cpu.leaves.items()):
        text = "-".join(f"{register:08X}" for register in registers)
        label = f" [SL {subleaf:02X}] [x87]" if labels and leaf in (4, 7, 0xB, 0xD, 0x1D) else ""
        if labels and subleaf and not label:
            label = f" [SL {subleaf:02X}]"
        lines.append(f"CPUID {leaf:08X}: {text}{label}")
    lines += ["", "L1    Data Cache:    32 KB,  8-way Associative, 64-byte Line", ""]
    return "\n".join(lines) + "\n"


def registers(cpu: Cpu) -> str:
    """Its registers as AIDA64 lists them, with the microcode revision."""
    values = dict(cpu.msrs)
    if cpu.microcode is not None:
        high = cpu.vendor not in ("AuthenticAMD", "HygonGenuine")
        values[0x8B] = cpu.microcode << 32 if high else cpu.microcode
    lines = ["------[ MSR Registers ]------", "", "CPU Clock (Normal): 2706 MHz"]
    for index, value in values.items():
        text = f"{value:016X}"
        lines.append(f"MSR {index:08X}: {text[:4]}-{text[4:8]}-{text[8:12]}-{text[12:]} [S200]")
    lines += ["MSR 000001AC: < FAILED >", "", "PerformanceFrequency = 4101553", ""]
    return "\n".join(lines)


def libcpuid(cpu: Cpu) -> str:
    """A CPU as libcpuid writes it: whole arrays, with junk beyond the limits."""
    junk = (0xCE4, 0x1068, 0x64, 0)

    def line(array: str, index: int, leaf: int, subleaf: int = 0, limit: bool = True) -> str:
        values = cpu.leaf(leaf, subleaf) if limit else junk
        return f"{array}[{index}]=" + " ".join(f"{value:08x}" for value in values)

    lines = ["version=0.7.0", "", "_________________ Logical CPU #0 _________________"]
    lines += [line("basic_cpuid", i, i, limit=i <= cpu.max_basic) for i in range(32)]
    first = 0x80000000
    lines += [
        line("ext_cpuid", i, first + i, limit=first + i <= cpu.max_extended) for i in range(32)
    ]
    lines += [line("intel_fn4", i, 4, i, cpu.max_basic >= 4) for i in range(8)]
    lines += [line("intel_fn11", i, 0xB, i, cpu.max_basic >= 0xB) for i in range(4)]
    lines += [
        line("amd_fn8000001dh", i, 0x8000001D, i, cpu.max_extended >= 0x8000001D) for i in range(4)
    ]
    return "\n".join(lines) + "\n"


def only(text: str) -> dumps.Dump:
    (dump,) = dumps.parse(text, "test.txt")
    return dump


@pytest.mark.parametrize("identity", IDENTITIES)
def test_instlatx64_reads_what_a_cpu_has(identity: str) -> None:
    """Leaves, registers and microcode revision come back from AIDA64's lines."""
    cpu = shipped.get(identity).cpu
    dump = only(aida(cpu) + registers(cpu))
    assert dump.format == "InstLatx64"
    assert not_zero(dump.cpu) == not_zero(cpu)
    assert dump.cpu.msrs.items() >= cpu.msrs.items()
    assert dump.cpu.microcode == cpu.microcode


@pytest.mark.parametrize("identity", IDENTITIES)
def test_libcpuid_reads_what_the_format_holds(identity: str) -> None:
    """All comes back but the subleaves that libcpuid has no array for; the junk does not."""
    cpu = shipped.get(identity).cpu
    dump = only(libcpuid(cpu))
    held = {
        key: value
        for key, value in not_zero(cpu).items()
        if (key[0] < 32 or 0x80000000 <= key[0] < 0x80000020)
        and (key[1] == 0 or key[0] in (0x4, 0xB, 0x8000001D))
    }
    assert dump.format == "libcpuid"
    assert not_zero(dump.cpu) == held


def cpudata(cpu: Cpu) -> str:
    """A CPU as libvirt keeps it, with what lies beyond its limits."""
    lines = ["<!-- a CPU -->", "<cpudata arch='x86'>"]
    junk = {(0x20000000, 0): (1, 2, 3, 4), (0xC0000000, 0): (1, 2, 3, 4)}
    for (leaf, subleaf), values in {**junk, **cpu.leaves}.items():
        names = zip(("eax", "ebx", "ecx", "edx"), values, strict=True)
        said = " ".join(f"{name}='0x{value:08x}'" for name, value in names)
        lines.append(f"  <cpuid eax_in='0x{leaf:08x}' ecx_in='0x{subleaf:02x}' {said}/>")
    for index, value in cpu.msrs.items():
        halves = f"edx='0x{value >> 32:08x}' eax='0x{value & 0xFFFFFFFF:08x}'"
        lines.append(f"  <msr index='0x{index:x}' {halves}/>")
    return "\n".join([*lines, "</cpudata>", ""])


@pytest.mark.parametrize("identity", IDENTITIES)
def test_libvirt_reads_what_a_cpu_has(identity: str) -> None:
    """Leaves and registers come back from libvirt's XML; what is beyond the limits does not."""
    cpu = shipped.get(identity).cpu
    dump = only(cpudata(cpu))
    assert dump.format == "libvirt"
    assert not_zero(dump.cpu) == not_zero(cpu)
    assert dump.cpu.msrs == cpu.msrs
    assert dump.cpu.microcode is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<cpudata arch='x86'><cpuid", "not XML that can be read"),
        ("<cpudata arch='arm'></cpudata>", "cpudata with arch='x86' was expected"),
        ("<cpudata arch='x86'></cpudata>", "no element cpuid is in it"),
        ("<cpudata arch='x86'><cpuid eax_in='7'/></cpudata>", 'eax_in="7" is not 0x and 1 to 8'),
        ("<cpudata arch='x86'><cpuid/></cpudata>", 'eax_in="" is not 0x'),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><cpudata arch='x86'>&b;</cpudata>", "not XML that can be"),
    ],
)
def test_libvirts_xml_that_is_not_right(text: str, message: str) -> None:
    """Said in a sentence, entities included."""
    with pytest.raises(DumpError, match=message):
        dumps.parse(text, "test.xml")


def test_subleaves_without_labels_are_numbered() -> None:
    """Lines without [SL n] count up, those of leaf 0dh through the components that the CPU has."""
    assert (0xD, 0x12) in EMERALD.leaves
    assert (0xD, 3) not in EMERALD.leaves
    assert not_zero(only(aida(EMERALD, labels=False)).cpu) == not_zero(EMERALD)


@pytest.mark.parametrize(
    "heading",
    [
        "------[ CPUID Registers / Logical CPU #0 ]------",
        "CPUID Registers (CPU #1):",
        "CPUID Registers (CPU #2 Virtual):",
        "CPU#000 AffMask: 0x0000000000000001",
        "Group: 0x00 Affinity mask: 0x0001",
        "CPUID CPU Name    : Intel(R) Xeon(R) Gold 6154 CPU\nCPUID Revision    : 00050654h",
        "",
    ],
)
def test_headings_do_not_matter(heading: str) -> None:
    """Whatever the program wrote above the leaves, or nothing, the leaves are read."""
    text = aida(SKYLAKE).replace("------[ Logical CPU #0 ]------", heading)
    assert not_zero(only(text).cpu) == not_zero(SKYLAKE)


def test_the_first_cpu_counts() -> None:
    """Of several logical CPUs the first is read, which a note says."""
    eax, ebx, ecx, edx = SKYLAKE.leaf(1)
    second = with_leaves(SKYLAKE, {(1, 0): (eax, ebx | 1 << 24, ecx, edx)})
    dump = only(aida(SKYLAKE) + aida(second, number=1) + registers(SKYLAKE))
    assert dump.cpu.leaf(1) == SKYLAKE.leaf(1)
    assert dump.notes[0] == "the dump has 2 logical CPUs: the first was read"


def test_cpus_that_differ_are_told() -> None:
    """A second CPU of another stepping is not passed over in silence."""
    eax, *rest = SKYLAKE.leaf(1)
    ebx, ecx, edx = rest
    second = with_leaves(SKYLAKE, {(1, 0): (eax + 3, ebx, ecx, edx)})
    notes = only(aida(SKYLAKE) + aida(second, number=1)).notes
    assert "its CPUs are not alike: CPUID 1 EAX is 00050654, 00050657" in notes


def test_hybrid_cpus_are_told() -> None:
    """A hybrid CPU's note says what kinds of core there are and which one was read."""
    alder = shipped.get("core-i9-12900k").cpu
    small = with_leaves(alder, {(0x1A, 0): (0x20000001, 0, 0, 0)})
    notes = only(aida(alder) + aida(small, number=16)).notes
    assert any(
        "efficient core, performance core): the one read is a performance core" in note
        for note in notes
    )


def test_repeated_and_failed_registers() -> None:
    """Of a register's samples the first counts; one that failed is not known."""
    text = aida(SKYLAKE) + (
        "MSR 0000010A: 0000-0000-0000-0004 [S200]\nMSR 0000010A: 0000-0000-0000-0008\n"
        "MSR 00000122: < FAILED >\nMSR 000001A0: 0000000000850089\n"
    )
    assert only(text).cpu.msrs == {0x10A: 4, 0x1A0: 0x850089}


@pytest.mark.parametrize(
    ("vendor", "value", "revision"),
    [
        ("GenuineIntel", 0x02006D05_00000000, 0x02006D05),
        ("AuthenticAMD", 0x0830104D, 0x0830104D),
        ("HygonGenuine", 0x0830104D, 0x0830104D),
        ("GenuineIntel", 0, None),
    ],
)
def test_microcode_revision(vendor: str, value: int, revision: int | None) -> None:
    """Intel keeps the revision in the upper half of register 8b, AMD in the lower one."""
    assert microcode_revision(vendor, value) == revision


def test_syscall_is_set_for_32_bit_programs() -> None:
    """An Intel CPU with long mode has SYSCALL, even where a 32-bit program could not see it."""
    eax, ebx, ecx, edx = SKYLAKE.leaf(0x80000001)
    hidden = with_leaves(SKYLAKE, {(0x80000001, 0): (eax, ebx, ecx, edx & ~(1 << 11))})
    dump = only(aida(hidden))
    assert dump.cpu.leaf(0x80000001) == SKYLAKE.leaf(0x80000001)
    assert any(note.startswith("SYSCALL is set") for note in dump.notes)
    assert not any("SYSCALL" in note for note in only(aida(SKYLAKE)).notes)


def test_leaves_beyond_the_limits_are_left_out() -> None:
    """A leaf above the maximum of its range repeats another one and is not the CPU's."""
    beyond: dict[LeafKey, Registers] = {
        (0x30, 0): (1, 2, 3, 4),
        (0x8FFFFFFF, 0): (1, 2, 3, 4),
        (0x40000000, 0): (1, 2, 3, 4),
    }
    cpu = only(aida(with_leaves(SKYLAKE, beyond))).cpu
    assert cpu.leaves == SKYLAKE.leaves


def test_what_a_dump_lacks_is_told() -> None:
    """Leaves that the limits promise and the dump does not list are named."""
    lines = [
        line
        for line in aida(EMERALD).splitlines()
        if not line.startswith(("CPUID 0000000D", "CPUID 8000000")) and "[SL 02]" not in line
    ]
    (note,) = only("\n".join(lines)).notes
    assert note.startswith("the dump lacks CPUID leaves 7:2, d:0, d:1, 80000000: taken as zeros")
    (note,) = only(libcpuid(SKYLAKE)).notes
    assert note.startswith("the dump lacks CPUID leaves d:1: taken as zeros")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda text: re.sub("(CPUID 00000004: ).", r"\1", text, count=1),
            r'test.txt, line 8: "CPUID 00000004: .*" is not CPUID LEAF: EAX-EBX-ECX-EDX',
        ),
        (lambda text: text[: text.index("CPUID 00000007") + 30], r'"CPUID 00000007: .*" is not'),
        (
            lambda text: "\n".join(text.splitlines()[5:]),
            r"test.txt, line 1: CPUID leaf 1 comes before leaf 0",
        ),
        (
            lambda text: "\n".join(line for line in text.splitlines() if "D 00000001" not in line),
            r"test.txt: CPUID leaf 1 is missing",
        ),
    ],
)
def test_damaged_instlatx64(damage: Callable[[str], str], message: str) -> None:
    """A damaged line of the CPU that is read is an error with its number."""
    with pytest.raises(DumpError, match=message):
        dumps.parse(damage(aida(SKYLAKE)), "test.txt")


def test_damage_in_a_later_cpu_is_a_note() -> None:
    """A dump that was cut in its second CPU is good for the first."""
    text = aida(SKYLAKE) + aida(SKYLAKE, number=1)[:400]
    dump = only(text)
    assert not_zero(dump.cpu) == not_zero(SKYLAKE)
    assert any(note.endswith("of a later CPU, is damaged") for note in dump.notes)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda text: text.replace("basic_cpuid[7]=00000000 ", "basic_cpuid[7]="),
            r'line 11: "basic_cpuid\[7\]=.*" is not NAME\[INDEX\]=EAX EBX ECX EDX',
        ),
        (
            lambda text: "\n".join(text.splitlines()[4:]),
            r"line 1: basic_cpuid\[1\] comes before basic_cpuid\[0\]",
        ),
        (lambda text: "arm_midr=00000000410fd034\n" + text, "dump of an ARM CPU"),
    ],
)
def test_damaged_libcpuid(damage: Callable[[str], str], message: str) -> None:
    """A damaged line is an error with its number; other architectures are named."""
    with pytest.raises(DumpError, match=message):
        dumps.parse(damage(libcpuid(SKYLAKE)), "test.txt")


def test_results_of_libcpuid_tests_are_passed_over() -> None:
    """A test file of libcpuid goes on with results, which are no part of the CPU."""
    results = "-" * 80 + "\nx86\nx86-64-v4\ngeneral\n6\n5\n4\n-1\n128 (authoritative)\nSkylake-X\n"
    for text in (libcpuid(SKYLAKE), aida(SKYLAKE)):
        assert only(text + results).cpu == only(text).cpu


def record(cpu: Cpu, **members: object) -> str:
    rows = [[f"{n:08x}" for n in (*key, *value)] for key, value in cpu.leaves.items()]
    return json.dumps({"id": "one", "leaves": rows, **members})


def test_records() -> None:
    """Each line is a CPU, with the parameters it carries; a single record may span lines."""
    first = record(SKYLAKE, microcode="02006d05", params={"hvm": 0})
    second = record(ROME, id="two", msrs={"c0011029": "2"})
    one, two = dumps.parse(f"{first}\n\n{second}\n", "test.jsonl")
    assert (one.name, one.cpu.leaves, one.cpu.microcode) == ("one", SKYLAKE.leaves, 0x2006D05)
    assert one.params == {"hvm": 0}
    assert (two.name, two.cpu.msrs, two.params) == ("two", {0xC0011029: 2}, {})
    assert only(json.dumps(json.loads(first), indent=1)).cpu == one.cpu


def test_a_bad_record_is_an_error() -> None:
    """The message has the file and the line."""
    with pytest.raises(DumpError, match=r"test.jsonl, line 2: not JSON"):
        dumps.parse(record(SKYLAKE) + "\n{...\n", "test.jsonl")
    with pytest.raises(DumpError, match=r"test.jsonl, line 1: field leaves is missing"):
        dumps.parse('{"id": "one"}', "test.jsonl")


def example() -> str:
    folder = resources.files("xenops_cpu") / "data" / "hosts"
    return (folder / "skylake-server-xen-4.17.json").read_text(encoding="utf-8")


def test_a_capture_gives_its_raw_policy() -> None:
    """The CPU of a capture is the raw policy, leaf by leaf."""
    dump = only(example())
    raw = capture.load(example()).policies["raw"]
    assert dump.format == "capture"
    assert dump.cpu.vendor == "GenuineIntel"
    assert dump.cpu.leaf(7) == raw.leaves[7, 0]
    assert len(dump.cpu.leaves) == len(raw.leaves)
    assert any("microcode revision is not in a capture" in note for note in dump.notes)


def test_a_capture_without_policies_is_refused() -> None:
    """Without a raw policy there are no leaves, which the message says."""
    document = json.loads(example())
    del document["host"]["policies"]["raw"]
    with pytest.raises(DumpError, match="no raw CPU policy"):
        dumps.parse(json.dumps(document), "old.json")


def test_files(tmp_path: Path) -> None:
    """A file is read in UTF-8, UTF-16 with its mark, or Latin-1."""
    text = "CPU Alias : Caf\xe9\n" + aida(SKYLAKE)
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        path = tmp_path / encoding
        path.write_bytes(text.encode(encoding))
        (dump,) = dumps.read(path)
        assert (dump.name, not_zero(dump.cpu)) == (encoding, not_zero(SKYLAKE))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF\x02\x01\x01\x00" + bytes(64), "a binary file"),
        (b"hello\n", "no known format; readable are"),
        (b"", "no known format"),
        (b"CPUID 00000000: ", "is not CPUID LEAF"),
        (b"x" * (input_limits.TEXT_BYTES + 1), "larger than 8 MiB"),
    ],
)
def test_files_that_are_no_dump(content: bytes, message: str, tmp_path: Path) -> None:
    """What is no dump is refused with a reason."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DumpError, match=message):
        dumps.read(path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and a folder are errors with the path."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DumpError, match=f"cannot read {path}: "):
            dumps.read(path)


DUMP = aida(shipped.get("opteron-2378").cpu) + registers(ROME)


def answer(text: str) -> str:
    """The name of the dump that a text is, or the message."""
    try:
        return only(text).name
    except DumpError as error:
        return str(error)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(DUMP)), st.integers(0, 40), st.text(max_size=20))
def test_no_damage_gives_another_error(start: int, length: int, instead: str) -> None:
    """Whatever is cut out or put in, the answer is a dump or a DumpError."""
    text = DUMP[:start] + instead + DUMP[start + length :]
    for changed in (text, text.replace("CPUID ", "basic_cpuid[").replace(": ", "]=")):
        assert "test.txt" in answer(changed)


@pytest.mark.skipif(not CORPUS.exists(), reason="../shared/xen/corpus is not there")
def test_the_corpus() -> None:
    """Every CPU of the corpus is read, and comes back from AIDA64's lines."""
    found = dumps.read(CORPUS)
    assert len(found) > 300
    for dump in found:
        again = only(aida(dump.cpu) + registers(dump.cpu))
        listed = not_zero(dump.cpu)
        if dump.cpu.vendor != "CentaurHauls":
            # One dump lists a range that its CPU does not have.
            listed.pop((0xC0000000, 0), None)
        assert not_zero(again.cpu) == listed, dump.name
        assert again.cpu.microcode == dump.cpu.microcode, dump.name
