"""The host set: the APIC timer, cache allocation, and whether there are HVM guests.

xen/arch/x86/apic.c, psr.c, hvm/vmx/vmcs.c, hvm/svm/svm.c.
"""

from __future__ import annotations

from .hardware import VMX_ASSUMED
from .releases import span
from .state import State
from .step import Phase
from .tables import intel_thresholds, needed_microcode

VIRTUALISATION = Phase("Host: APIC timer and virtualisation")


@VIRTUALISATION.step(
    "host.tsc-deadline",
    "all",
    when="Intel family 6, not in a VM, TSC_DEADLINE present, microcode older than the erratum's "
    "fix (4.21 on: and LM in the host set)",
    effect="CLEAR TSC_DEADLINE",
    why="the deadline timer of the local APIC has an erratum that newer microcode fixes",
    source="apic.c check_deadline_errata()",
)
def _tsc_deadline(s: State) -> None:
    if not s.intel6 or s.virtualised or not s.has("TSC_DEADLINE"):
        return
    release = s.plan.release.name
    if release in span("4.21+"):
        if not s.has("LM"):
            return
        rows = intel_thresholds("tsc_deadline")
    else:
        rows = intel_thresholds("tsc_deadline_until_4.20") + intel_thresholds("tsc_deadline")
    revision = needed_microcode(rows, s.model, s.cpu.stepping)
    if revision is not None and s.hardware.microcode < revision:
        s.detail = f"microcode {s.hardware.microcode:#x} is older than {revision:#x}"
        s.clear("TSC_DEADLINE")


@VIRTUALISATION.step(
    "host.psr-pqe",
    "all",
    when="psr=cat, cdp or mba on the command line, PQE present, no leaf 10h",
    effect="CLEAR PQE",
    why="there is no leaf to control cache allocation with",
    source="psr.c psr_cpu_init()",
)
def _psr_pqe(s: State) -> None:
    if s.options.psr and s.has("PQE") and s.cpu.max_basic < 0x10:
        s.clear("PQE")


@VIRTUALISATION.step(
    "host.vmx-off",
    "4.17+ xs8",
    when="VMX present but unusable (locked by firmware, or controls are missing)",
    effect="CLEAR VMX",
    why="VT-x could not be switched on: firmware has locked it off, or it lacks controls that Xen "
    "needs",
    source="hvm/vmx/vmcs.c vmx_vmcs_init()",
)
def _vmx_off(s: State) -> None:
    if s.has("VMX") and not s.hardware.machine.hvm:
        s.clear("VMX")


@VIRTUALISATION.step(
    "host.svm-off",
    "4.17+ xs8",
    when="SVM present but switched off by firmware (VM_CR.SVMDIS)",
    effect="CLEAR SVM",
    why="AMD-V could not be switched on: firmware has disabled it (VM_CR.SVMDIS)",
    source="hvm/svm/svm.c start_svm()",
)
def _svm_off(s: State) -> None:
    if s.has("SVM") and not s.hardware.machine.hvm:
        s.clear("SVM")


@VIRTUALISATION.step(
    "reference.hvm-off",
    "4.13-4.16 xs8.2 xsr",
    when="only for comparison with results computed by Xen's code outside of Xen, told that VMX "
    "or SVM is unusable",
    effect="CLEAR VMX and SVM",
    why="the program behind those results does so in every release, Xen itself from 4.17 on",
    source="the reference results, not Xen",
)
def _reference_hvm_off(s: State) -> None:
    if s.hardware.machine.hide_unusable and not s.hardware.machine.hvm:
        s.clear("VMX", "SVM")


def judge_hvm(s: State) -> None:
    """Whether there are HVM guests, and whether with hardware-assisted paging.

    VMX is asked before SVM, whatever the vendor (xen/arch/x86/hvm/hvm.c hvm_enable()).
    """
    machine = s.hardware.machine
    vmx = s.has("VMX")
    s.hvm = machine.hvm and (vmx or s.has("SVM"))
    if not s.hvm:
        return
    if vmx:
        controls = s.hardware.vmx()
        if not controls.measured:
            s.hardware.notes.append(VMX_ASSUMED)
        nested = controls.ept if machine.ept is None else machine.ept
        s.shadow_reason = "the CPU has no EPT, or not all that Xen needs of it"
    else:
        nested = s.hardware.nested_paging
        s.shadow_reason = "the CPU has no nested paging (NPT)"
    s.hap = nested and s.options.hap
    if not s.options.hap:
        s.shadow_reason = "hap=0 on the command line"
