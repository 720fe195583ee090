"""xenops_cpu.machine: the CPU of this machine, and the walk over any CPU's leaves."""

from __future__ import annotations

import os
import platform
import struct
from pathlib import Path

import pytest

from xenops_cpu.cpuid.cpu import Cpu
from xenops_cpu.cpuid.identity import LeafKey, Registers
from xenops_cpu.cpus import instruction, machine, shipped
from xenops_cpu.cpus.instruction import MachineError

on_x86 = pytest.mark.skipif(
    platform.machine() != "x86_64" or platform.system() != "Linux",
    reason="only 64-bit Linux on x86_64 lets a program read the CPU",
)

SKYLAKE = shipped.find("xeon-gold-6154+2022-05").cpu
ROME = shipped.get("epyc-7742").cpu

# Leaves that only some hardware has for purposes that Xen's featuresets do not know; not walked.
NOT_WALKED = {(leaf, subleaf) for leaf in (0xF, 0x10, 0x12, 0x23) for subleaf in range(1, 64)}
NOT_WALKED |= {(0x80000020, subleaf) for subleaf in range(1, 64)}


def cpuinfo() -> dict[str, str]:
    first, _, _ = Path("/proc/cpuinfo").read_text().partition("\n\n")
    lines = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}


@on_x86
def test_this_machine_is_the_one_linux_sees() -> None:
    """Vendor, family, model, stepping and brand are those of /proc/cpuinfo."""
    cpu = machine.read().cpu
    linux = cpuinfo()
    assert cpu.vendor == linux["vendor_id"]
    assert cpu.family == int(linux["cpu family"])
    assert cpu.model == int(linux["model"])
    assert cpu.stepping == int(linux["stepping"])
    assert cpu.brand == " ".join(linux["model name"].split())
    assert cpu.hypervisor == ("hypervisor" in linux["flags"].split())


@on_x86
def test_reading_leaves_the_thread_free() -> None:
    """The thread may run where it could before, and reads the same again."""
    before = os.sched_getaffinity(0)
    first = machine.read()
    assert os.sched_getaffinity(0) == before
    assert machine.read().cpu.leaf(7) == first.cpu.leaf(7)


@on_x86
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, and the module cpuid")
def test_the_device_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/cpu/N/cpuid gives the leaves that the instruction gives."""
    if not (instruction.DEVICES / str(min(os.sched_getaffinity(0))) / "cpuid").exists():
        pytest.skip("no /dev/cpu/N/cpuid: the module cpuid is not loaded")
    by_instruction = machine.read().cpu
    refuse_executable_memory(monkeypatch)
    assert machine.read().cpu.leaves == by_instruction.leaves


@pytest.mark.parametrize("identity", shipped.catalogue())
def test_the_walk_finds_every_leaf(identity: str) -> None:
    """Asked leaf by leaf, a CPU gives back all it has within its limits."""
    cpu = shipped.get(identity).cpu
    walked = instruction.walk(cpu.leaf)
    present = {
        key: value
        for key, value in cpu.leaves.items()
        if any(value) and key not in NOT_WALKED and key[0] >> 28 != 0xC
    }
    # Leaf 0bh and its like end with a level of type 0, which some dumps list.
    present = {key: value for key, value in present.items() if not is_an_end(key, value)}
    assert {key: value for key, value in walked.items() if any(value)} == present


def is_an_end(key: LeafKey, value: Registers) -> bool:
    leaf, subleaf = key
    return leaf in (0xB, 0x1F, 0x80000026) and subleaf > 0 and not value[2] & 0xFF00


def test_the_walk_ends_on_nonsense() -> None:
    """A CPU whose every register is all ones does not hold the walk up."""
    leaves = instruction.walk(lambda _leaf, _subleaf: (0xFFFFFFFF,) * 4)
    assert len(leaves) < 20_000


def refuse_executable_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[int, int]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(instruction, "_map_code", refuse)


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /dev/cpu with the directory of each CPU that this thread may use, and no instruction."""
    refuse_executable_memory(monkeypatch)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    for number in os.sched_getaffinity(0):
        (tmp_path / str(number)).mkdir()
    return tmp_path


def put_msrs(devices: Path, msrs: dict[int, int]) -> None:
    for directory in devices.iterdir():
        with (directory / "msr").open("wb") as file:
            for index, value in msrs.items():
                file.seek(index)
                file.write(struct.pack("<Q", value))


class Device:
    """os.pread on the cpuid device of a CPU: the position is leaf and subleaf."""

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self.pread = os.pread

    def __call__(self, file: int, size: int, position: int) -> bytes:
        if size != 16:
            return self.pread(file, size, position)
        return struct.pack("<4I", *self.cpu.leaf(position & 0xFFFFFFFF, position >> 32))


@pytest.fixture
def skylake(devices: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Devices of a Skylake."""
    for directory in devices.iterdir():
        (directory / "cpuid").touch()
    monkeypatch.setattr(os, "pread", Device(SKYLAKE))
    return devices


def test_without_the_instruction_the_device_is_read(skylake: Path) -> None:
    """Where executable memory is refused, leaf and subleaf come from /dev/cpu/N/cpuid."""
    cpu = machine.read(skylake, sys=skylake, proc_cpuinfo=skylake / "none").cpu
    assert cpu.leaf(7) == SKYLAKE.leaf(7)
    assert cpu.leaf(0xD, 2) == SKYLAKE.leaf(0xD, 2) != (0, 0, 0, 0)
    assert cpu.brand == "Intel(R) Xeon(R) Gold 6154 CPU @ 3.00GHz"


def test_without_both_an_error_says_what_helps(devices: Path) -> None:
    """No executable memory and no device: the message names both and what would help."""
    with pytest.raises(MachineError, match=r"executable memory.*cpuid cannot be read") as e:
        machine.read(devices)
    assert "modprobe cpuid" in e.value.remedy


@pytest.mark.parametrize("kind", ["aarch64", "riscv64", "i686"])
def test_other_machines_are_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on x86_64 the error says so and what to do instead."""
    monkeypatch.setattr(platform, "machine", lambda: kind)
    with pytest.raises(MachineError, match=f"Linux on {kind}.*--dump"):
        machine.read()


def test_registers_and_microcode(skylake: Path) -> None:
    """Registers come from /dev/cpu/N/msr, on Intel the revision from the upper half of 8b."""
    put_msrs(skylake, {0x35: 0x180030, 0x8B: 0x02006D05_00000000, 0x10A: 0x20C04, 0x48C: 7})
    reading = machine.read(skylake, sys=skylake, proc_cpuinfo=skylake / "none")
    assert reading.cpu.msrs[0x10A] == 0x20C04
    assert reading.cpu.msrs[0x35] == 0x180030
    assert 0xC0011029 not in reading.cpu.msrs
    assert reading.cpu.microcode == 0x02006D05
    assert reading.notes == ()


def test_without_registers_the_assumptions_are_told(skylake: Path) -> None:
    """The note names the file that cannot be read, what is assumed, and what would help."""
    (note, revision) = sorted(
        machine.read(skylake, sys=skylake, proc_cpuinfo=skylake / "none").notes
    )
    assert "/msr: No such file or directory): TSX_FORCE_ABORT" in note
    assert "modprobe msr" in note
    assert revision == "the microcode revision cannot be read"


def test_microcode_from_linux(skylake: Path) -> None:
    """Without register 8b the revision is what sysfs says, else what /proc/cpuinfo says."""
    text = skylake / "cpuinfo"
    text.write_text("processor\t: 0\nmicrocode\t: 0x2006d05\nflags\t\t: fpu\n\nprocessor\t: 1\n")
    assert machine.read(skylake, skylake, text).cpu.microcode == 0x2006D05
    version = skylake / "devices/system/cpu/cpu0/microcode/version"
    version.parent.mkdir(parents=True)
    version.write_text("0x2007006\n")
    assert machine.read(skylake, skylake, text).cpu.microcode == 0x2007006


def in_a_vm(cpu: Cpu, name: bytes, microcode: int | None) -> Cpu:
    eax, ebx, ecx, edx = cpu.leaf(1)
    vendor = struct.unpack("<3I", name.ljust(12, b"\0"))
    extra = {
        (1, 0): (eax, ebx, ecx | 1 << 31, edx),
        (0x40000000, 0): (0x40000001, *vendor),
        (0x40000001, 0): (1, 2, 3, 4),
    }
    return Cpu(leaves={**cpu.leaves, **extra}, msrs=cpu.msrs, microcode=microcode)


def test_a_vm_is_told(skylake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a VM the notes name the hypervisor and an invented microcode revision."""
    guest = in_a_vm(SKYLAKE, b"KVMKVMKVM", None)
    monkeypatch.setattr(os, "pread", Device(guest))
    text = skylake / "cpuinfo"
    text.write_text("microcode : 0x1\n")
    notes = machine.read(skylake, skylake, text).notes
    assert any("VM under KVM" in note for note in notes)
    assert any("revision 0x1 is the hypervisor's invention" in note for note in notes)


def test_as_bare_metal() -> None:
    """A VM's CPU gets back its own leaves, loses the hypervisor's, and the notes say so."""
    guest = in_a_vm(SKYLAKE, b"KVMKVMKVM", 1)
    reading = machine.as_bare_metal(guest)
    assert not reading.cpu.hypervisor
    assert reading.cpu.leaves == SKYLAKE.leaves
    assert reading.cpu.microcode is None
    assert "KVM" in reading.notes[0]
    assert "0x1" in reading.notes[1]


def test_as_bare_metal_keeps_what_is_real() -> None:
    """A revision that no hypervisor invents stays, and bare metal stays as it is."""
    guest = in_a_vm(SKYLAKE, b"XenVMMXenVMM", 0x2006D05)
    assert machine.as_bare_metal(guest).cpu.microcode == 0x2006D05
    assert machine.as_bare_metal(ROME) == machine.Reading(ROME)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"KVMKVMKVM", "KVM"),
        (b"Microsoft Hv", "Hyper-V"),
        (b"SomethingNew", 'calls itself "SomethingNew"'),
        (b"", "does not name itself"),
    ],
)
def test_hypervisor_names(name: bytes, said: str) -> None:
    """Well-known hypervisors are named, others quoted."""
    assert said in machine.hypervisor_name(in_a_vm(SKYLAKE, name, None))


def test_topology(tmp_path: Path) -> None:
    """Packages, threads of a core and nodes are counted from what sysfs lists."""
    for number in range(8):
        directory = tmp_path / f"devices/system/cpu/cpu{number}/topology"
        directory.mkdir(parents=True)
        (directory / "physical_package_id").write_text(f"{number // 4}\n")
        (directory / "thread_siblings").write_text(f"00000000,{3 << (number & ~1):08x}\n")
    (tmp_path / "devices/system/cpu/cpufreq").mkdir()
    for number in range(2):
        (tmp_path / f"devices/system/node/node{number}").mkdir(parents=True)
    found = machine.topology(tmp_path)
    assert (found.socket_count, found.threads_per_core, found.nr_nodes) == (2, 2, 2)
    assert found.cpu_count == os.cpu_count()


def test_topology_without_sysfs(tmp_path: Path) -> None:
    """What Linux does not say counts as one."""
    found = machine.topology(tmp_path)
    assert (found.socket_count, found.threads_per_core, found.nr_nodes) == (1, 1, 1)
