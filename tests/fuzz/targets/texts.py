"""What programs print: captures, dumps of CPUs, xen-cpuid, xe and xl, /proc/cpuinfo, xapi's log."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence

from attrs import evolve

from tests.inputs.test_log import CHECK, line
from tests.inputs.test_xe import HOST, VM, lines
from tests.support.hosts import Fixed, example
from tests.support.reports import CPU_INFO, INPUTS, XL_INFO
from xenops_cpu.cpuid.cpu import Cpu
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpus import dumps, shipped
from xenops_cpu.errors import InputError
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts import capture
from xenops_cpu.inputs import log_words, xapi_log
from xenops_cpu.inputs import texts as readers
from xenops_cpu.pools.vm import Vm
from xenops_cpu.service.service import XenopsCpu
from xenops_cpu.wire import dispatch, jsonrpc

from .target import Target, quiet, reads_back, refusing
from .words import few


def captured(data: bytes) -> None:
    """A text that is a capture is written and read again, and answered for."""
    try:
        host = capture.load(data.decode("utf-8", "replace"))
    except capture.CaptureError:
        return
    assert capture.load(capture.dump(host)) == host
    quiet()
    reply = dispatch.answer(
        XenopsCpu(Fixed(host)), b'{"method":"HOST.stat","params":[{"debug_info":""}],"id":1}'
    )
    read = jsonrpc.parse_response(reply)
    assert read.success or "max" in str(read.value), read.value


def dumped(data: bytes) -> None:
    """A CPU of any dump is written as a record and as `cpuid -r` prints it, and read again."""
    with refusing():
        for dump in dumps.parse(data.decode("utf-8", "replace")):
            (record,) = dumps.parse(as_record(dump.cpu))
            assert record.cpu.leaves == dump.cpu.leaves
            assert record.cpu.msrs == dump.cpu.msrs
            assert record.cpu.microcode == dump.cpu.microcode
            printed = as_cpuid(dump.cpu)
            if (0, 0) in dump.cpu.leaves and dump.format != dumps.records.FORMAT:
                (tool,) = dumps.parse(printed)
                assert tool.cpu.leaves == dump.cpu.leaves


def as_record(cpu: Cpu) -> str:
    """One line of JSON."""
    rows = [[f"{n:x}" for n in (*key, *values)] for key, values in cpu.leaves.items()]
    msrs = {f"{index:x}": f"{value:x}" for index, value in cpu.msrs.items()}
    record: dict[str, object] = {"leaves": rows, "msrs": msrs}
    if cpu.microcode is not None:
        record["microcode"] = f"{cpu.microcode:x}"
    return json.dumps(record)


def as_cpuid(cpu: Cpu) -> str:
    """What `cpuid -1 -r` prints: leaf 0 first."""
    return "CPU:\n" + "".join(
        f"   0x{leaf:08x} 0x{subleaf:02x}: eax=0x{a:08x} ebx=0x{b:08x} "
        f"ecx=0x{c:08x} edx=0x{d:08x}\n"
        for (leaf, subleaf), (a, b, c, d) in sorted(cpu.leaves.items())
    )


def printed(data: bytes) -> None:
    """Hosts of a text are written as captures and read again, VMs as xapi's records."""
    text = data.decode("utf-8", "replace")
    with refusing():
        contents = readers.parse(text, "name", "where")
        for featureset in filter(None, (contents.featureset,)):
            assert Featureset.parse(str(featureset)) == featureset
        found = readers.as_input(contents, "name", "where")
        reads_back(found)
        for vm in contents.vms:
            if vm.features is not None and vm.features.length:
                again = readers.parse(as_flags(vm), "name", "where").vms[0]
                assert again.features == vm.features
        for vm in found.vms:
            if vm.policy is not None:
                assert Policy.parse(vm.policy.text()) == vm.policy


def as_flags(vm: Vm) -> str:
    """As xe prints last-boot-CPU-flags of a VM."""
    return f"vendor: GenuineIntel; features: {vm.features}\n"


def logged(data: bytes) -> None:
    """A log tells the same in whatever pieces it comes; each event is a sentence."""
    events = xapi_log.parse([data])
    for step in (37, 150):
        pieces = (data[start : start + step] for start in range(0, len(data), step))
        assert xapi_log.parse(pieces) == events
    assert xapi_log.merged([events]) == events
    counted = {event: event.count for event in xapi_log.merged([events, events])}
    for event in events:
        assert counted[event] == 2 * event.count
        assert log_words.sentence(event, {})
        with contextlib.suppress(InputError):
            assert event.missing <= (event.old or Featureset())


def captures() -> list[bytes]:
    host = example("epyc-xen-4.17")
    small = evolve(
        host,
        policies={"raw": few(2, 1)},
        processor=evolve(host.processor, flags="fpu de"),
        notes=("a note",),
    )
    text = capture.dump(small)
    return [text.encode(), text.replace("\n", "").encode()]


def short(name: str, count: int) -> bytes:
    """The first lines of a recorded output."""
    return "\n".join((INPUTS / name).read_text().splitlines()[:count]).encode()


def cpu_dumps() -> list[bytes]:
    cpu = shipped.get("epyc-7763").cpu
    wanted = ((0, 0), (1, 0), (7, 0), (0xD, 0), (0xD, 1), (0x80000000, 0), (0x80000001, 0))
    small = Cpu({key: cpu.leaves[key] for key in wanted}, {0x8B: 0xA0011D1, 0x10A: 0x2000}, 5)
    leaves = small.leaves.items()
    aida = "".join(
        f"CPUID {leaf:08X}: {'-'.join(f'{n:08X}' for n in values)} [SL {subleaf:02X}]\n"
        for (leaf, subleaf), values in leaves
    )
    libcpuid = "".join(
        f"{'ext' if leaf >> 31 else 'basic'}_cpuid[{leaf & 0xFF}]="
        f"{' '.join(f'{n:08x}' for n in values)}\n"
        for (leaf, subleaf), values in leaves
        if not subleaf
    )
    libvirt = "".join(
        f"<cpuid eax_in='{leaf:#x}' ecx_in='{subleaf:#x}' eax='{values[0]:#x}' "
        f"ebx='{values[1]:#x}' ecx='{values[2]:#x}' edx='{values[3]:#x}'/>"
        for (leaf, subleaf), values in leaves
    )
    texts = (
        as_record(small),
        f"{as_record(small)}\n{as_record(small)}\n",
        json.dumps({**json.loads(as_record(small)), "id": "x", "params": {"hvm": 1, "smt": 0}}),
        as_cpuid(small),
        as_cpuid(small).replace("CPU:", "CPU 0:") * 2,
        aida + "MSR 0000008B: 0000-0042-0000-0000\nMSR 000001AC: < FAILED >\n",
        libcpuid + "intel_fn4[1]=3c004122 01c0003f 0000003f 00000000\n",
        f"<cpudata arch='x86'>{libvirt}<msr index='0x10a' edx='0x0' eax='0x6b'/></cpudata>",
    )
    return [*(text.encode() for text in texts), *captures()]


def outputs() -> list[bytes]:
    ivy, epyc = "ivybridge-xen-4.17.xen-cpuid-d.txt", "epyc-xen-4.17.xen-cpuid-p.txt"
    policy = short(epyc, 12) + b"\n  MSRs:\n    0000010a -> 0000000000000000\n"
    vm = json.dumps({"name_label": "v", "last_boot_CPU_flags": {"vendor": "a", "features": "1-2"}})
    texts = (
        XL_INFO.format(name="xs-01"),
        HOST,
        VM,
        f"{HOST}\n{VM}",
        lines(CPU_INFO),
        json.dumps(CPU_INFO),
        vm,
        f"[{vm},{json.dumps({'cpu_info': CPU_INFO, 'name_label': 'h'})}]",
        "vendor: AuthenticAMD; features: 178bfbfd-f6f83203\n",
        "processor : 0\nvendor_id : GenuineIntel\nmicrocode : 0x1\nflags : fpu de\n",
        "CPU signature 06-55-04 (raw 0x00050654) pf_mask 0x1 revision 0x02006906\n",
        few(3, 1).text(),
    )
    recorded = [short(ivy, count) for count in (9, 30)]
    domain = policy.replace(b"Raw policy", b"Domain 3 policy")
    return [*(text.encode() for text in texts), *recorded, policy, domain, *cpu_dumps()[:4]]


def logs() -> list[bytes]:
    messages: Sequence[str] = (
        "The CPU features of this host have changed. Old features_hvm_host=1-2. New "
        "features_hvm_host=1-3.",
        "Updating VM 7c3b last_boot_CPU_flags <- 1-2",
        "VM 7c3b preventing evacuation of host a0: VM_INCOMPATIBLE_WITH_THIS_HOST: x",
        "VM's CPU policy is not compatible with the target host's. The host is missing: avx",
        "CPUID default policy has features that are not present in Max policy",
    )
    every = "".join(map(line, messages))
    return [CHECK.encode(), every.encode(), (CHECK + every).encode(), messages[1].encode()]


TARGETS = (
    Target("capture", captured, captures),
    Target("dumps", dumped, cpu_dumps),
    Target("texts", printed, outputs),
    Target("log", logged, logs),
)
