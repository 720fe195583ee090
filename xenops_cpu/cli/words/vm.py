"""How the command vm speaks: a VM's policy in words, as leaves, as JSON; what a guest reads."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from ...cpuid import fields
from ...cpuid.policy import NO_SUBLEAF, Policy
from ...cpuid.slots import CACHES, EXTENDED, STATE
from ...cpuid.words import guest_featureset, policy_featureset
from ...derivation import Derivation, reasons_of
from ...explain import vm, xen_cpuid
from ...features import bits
from ...features.featureset import WORD_BITS
from ...guests.changes import Change, changes
from ...guests.domain import Domain
from ...guests.resets import Reset
from ...guests.spec_ctrl import spec_ctrl_bits
from ...guests.toolstacks import XAPI, XL
from .. import terminal
from ..started_vm import StartedVm
from ..terminal import print_json

TYPE_TITLES = {"pv": "PV", "pv32": "32-bit PV", "hvm": "HVM", "pvh": "PVH"}
_STATES = (
    (1 << 0, "x87"), (1 << 1, "SSE"), (1 << 2, "AVX"), (0x18, "MPX"), (0xE0, "AVX-512"),
    (1 << 9, "PKU"), (0x60000, "AMX"),
)  # fmt: skip


def words(started: StartedVm) -> None:
    """The policy in words, what differs from the default, what was asked for in vain."""
    domain = started.domain
    xen = domain.hypervisor.release
    how = f": {started.running}" if started.running else f", made by {started.toolstack}"
    terminal.heading(f"{title(domain)}{how}")
    terminal.paragraph(started.host.origin, 2, 2)
    features = guest_featureset(domain.policy, xen)
    terminal.paragraph(f"{len(features)} features: {' '.join(xen.names(features))}", 2, 2)
    for name, text in facts(domain):
        terminal.paragraph(f"{name:<16}{text}", 2, 16)
    terminal.line("")
    if started.changed is None:
        _other_than_default(domain)
    elif started.start.refusal is None:
        _changed(started.changed)
    for line in in_vain(started):
        terminal.paragraph(line, 0, 2)
    complain(started)
    for note in domain.hypervisor.notes:
        terminal.paragraph(f"note: {note}", 0, 6)


def _other_than_default(domain: Domain) -> None:
    changes, kind = against_default(domain), domain.kind.upper()
    if not changes:
        terminal.line(f"the same as this host's {kind} default policy")
        return
    terminal.heading(f"other than this host's {kind} default policy")
    show_changes(changes)


def _changed(changes: Sequence[Change]) -> None:
    if not changes:
        terminal.line("the guest finds nothing changed in its policy")
        return
    terminal.heading("what the guest finds changed here")
    show_changes(changes)
    if not any(change.lost for change in changes):
        terminal.line("it loses nothing")


def against_default(domain: Domain) -> tuple[Change, ...]:
    """What the toolstack and Xen made other than the default policy of the VM's type."""
    return changes(domain.hypervisor.default_lists[domain.kind], domain)


def show_changes(changes: Sequence[Change]) -> None:
    """What was lost, what was gained, what else differs; what has one reason together."""
    features = [change for change in changes if change.category == fields.FEATURES]
    for lost, sign, style in ((True, "-", "red"), (False, "+", "green")):
        pairs = ((change.why, change.title) for change in features if change.lost is lost)
        for why, names in _grouped(pairs):
            terminal.paragraph(_with_why(f"{sign} {' '.join(names)}", why), 2, 4, style)
    for why, texts in _grouped(
        (change.why, str(change)) for change in changes if change.category != fields.FEATURES
    ):
        terminal.paragraph("; ".join(texts) + (f" ({why})" if why else ""), 2, 4)


def _with_why(text: str, why: str) -> str:
    return f"{text}: {why}" if why else text


def _grouped(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """What has the same reason together, in the order of the first of each."""
    groups: dict[str, list[str]] = {}
    for why, name in pairs:
        groups.setdefault(why, []).append(name)
    yield from groups.items()


def title(domain: Domain) -> str:
    return f"{TYPE_TITLES[domain.config.type]} guest under {domain.hypervisor.release.title}"


def facts(domain: Domain) -> Iterator[tuple[str, str]]:
    """What a policy says beside features."""
    table, policy = domain.table, domain.policy
    yield (
        "highest leaves",
        (f"{table.max_leaf:x}h, subleaf {table.max_subleaf} of leaf 7, {table.max_extended:x}h"),
    )
    cpu, brand = fields.signature(policy), fields.brand(policy)
    name = f" ({brand})" if brand else ""
    yield (
        "CPU",
        (
            f"{fields.vendor(policy) or 'no vendor'}, family {cpu.family}, model {cpu.model}, "
            f"stepping {cpu.stepping}{name}"
        ),
    )
    sizes = table.leaf(EXTENDED + 8)
    yield "addresses", f"{sizes[0] & 0xFF} bits physical, {sizes[0] >> 8 & 0xFF} bits linear"
    yield "topology", _topology(domain)
    states = [name for mask, name in _STATES if table.states & mask]
    if states:
        yield "saved state", f"{' '.join(states)}: {table.leaf(STATE, 0)[2]} bytes"
    else:
        yield "saved state", "no XSAVE"
    for index, name in fields.MSR_NAMES.items():
        yield name, _msr(domain, index)
    settable = spec_ctrl_bits(policy, domain.hypervisor.release)
    if settable:
        yield "SPEC_CTRL", f"bits {settable:x}h may be set"


def _topology(domain: Domain) -> str:
    table = domain.table
    parts = [f"{table.leaf(1)[1] >> 16 & 0xFF} logical CPUs a package (leaf 1)"]
    cache = table.leaf(CACHES, 0)[0]
    if cache & 0x1F:
        parts.append(f"{(cache >> 26) + 1} cores (leaf 4)")
    cores = table.leaf(EXTENDED + 8)[2]
    if cores:
        parts.append(f"{(cores & 0xFF) + 1} cores (80000008h)")
    if domain.kind == "hvm":
        parts.append("vCPU n has APIC id 2n")
    return ", ".join(parts)


def _msr(domain: Domain, index: int) -> str:
    value = domain.table.msrs.get(index, 0)
    xen = domain.hypervisor.release
    names = [title for bit, title in fields.MSR_FIELDS.get(index, {}).items() if value >> bit & 1]
    features = policy_featureset(domain.policy, xen)
    for word in xen.words:
        if word.msr == index:
            names += [xen.label(n) for n in features if n // WORD_BITS == word.index]
    return f"{value:x}h" + (f" ({' '.join(names)})" if names else "")


def in_vain(started: StartedVm) -> Iterator[str]:
    """What was asked for and is not there, with the reason."""
    domain, settings = started.domain, started.settings
    xen = domain.hypervisor.release
    has = guest_featureset(domain.policy, xen)
    if settings.nested and not {"VMX", "SVM"} & set(xen.names(has)):
        yield f"asked for, but not there: nested virtualisation: {_why_not_nested(started)}"
    if settings.featureset is None:
        return
    missing = [number for number in settings.featureset - has if number // WORD_BITS < xen.length]
    in_cpuid = [n for n in missing if xen.words[n // WORD_BITS].msr is None]
    for why, names in _grouped(
        (_why_not(started, number), xen.label(number)) for number in in_cpuid
    ):
        yield f"asked for, but not there: {' '.join(names)}: {why}"
    lost = [n for n in missing if n not in in_cpuid]
    more = [n for n in has - settings.featureset if xen.words[n // WORD_BITS].msr is not None]
    if lost or more:
        parts = [f"without {' '.join(xen.names(lost))}"] if lost else []
        parts += [f"with {' '.join(xen.names(more))}"] if more else []
        yield (
            "ARCH_CAPS is this host's default, not the featureset's, for libxc sends no registers: "
            f"it is {' and '.join(parts)}"
        )


def _why_not_nested(started: StartedVm) -> str:
    """libxc looks at nested_virt where it is given no featureset, and then Xen at its own list."""
    xen = started.domain.hypervisor
    most = xen.maximum(started.domain.kind).features(xen.release)
    known = [xen.release.features[n].number for n in ("VMX", "SVM") if n in xen.release.features]
    if not any(most >> number & 1 for number in known):
        return "this host does not offer it to such guests"
    if started.toolstack == XAPI and not started.settings.xcp_ng:
        return (
            "xenguest gives libxc a featureset, which then does not look at nested_virt; XCP-ng "
            "8.3 puts VMX and SVM into the set (--xcp-ng)"
        )
    if started.toolstack == XL and started.settings.featureset is not None:
        return "libxc does not look at nested_virt where it is given a featureset"
    return "what the VM is levelled to, or cpuid=, takes it away"


def _why_not(started: StartedVm, number: int) -> str:
    """Why a feature that the featureset has is not there."""
    domain, derivation = started.domain, started.derivation
    reasons = vm.story(domain, number, None)
    if reasons and reasons[-1].step != "recalc.max":
        return reasons[-1].text
    xen = domain.hypervisor.release
    if derivation is not None:
        name = f"{domain.kind}_max" if xen.has_max else f"{domain.kind}_default"
        causes = [why for why in reasons_of(derivation, name, number) if why.step != "none"]
        if causes and not causes[-1].present:
            return causes[-1].text
    return "this host does not offer it to such guests"


def complain(started: StartedVm) -> None:
    """What was refused, what xl complains of, what cpuid= changes without naming it."""
    if started.start.refusal is not None:
        print(f"xenops-cpu vm: refused: {started.start.refusal}", file=sys.stderr)
    for complaint in started.complaints:
        print(f"xenops-cpu vm: xl complains and goes on: {complaint}", file=sys.stderr)
    for reset in started.start.resets:
        print(f"xenops-cpu vm: warning: {reset_text(reset)}", file=sys.stderr)


def reset_text(reset: Reset) -> str:
    leaf, subleaf = reset.key
    where = f"CPUID {leaf:x}" + ("" if subleaf == NO_SUBLEAF else f":{subleaf:x}")
    words = " ".join(reset.features) or f"{reset.before:08x} becomes {reset.after:08x}"
    return (
        f"cpuid= touches {where} {reset.register}, so its other bits go back to the default "
        f"policy's: {words}"
    )


def leaves(domain: Domain) -> None:
    print(xen_cpuid.policies({title(domain): domain.policy}))


def differences(domain: Domain, other: Policy, name: str, *, as_json: bool) -> bool:
    """What differs between a policy and this VM's; whether anything does."""
    from ..commands import diff

    xen = domain.hypervisor.release
    return bool(diff.show_policies(other, domain.policy, xen, as_json=as_json))


def story(
    domain: Domain, derivation: Derivation | None, numbers: Sequence[int], as_json: bool
) -> None:
    """Why the VM has these features, or has them not."""
    xen = domain.hypervisor.release
    has = policy_featureset(domain.policy, xen)
    stories = {number: vm.story(domain, number, derivation) for number in numbers}
    if as_json:
        print_json(
            {
                "features": [
                    {
                        "name": xen.label(number),
                        "number": number,
                        "present": number in has,
                        "why": [
                            {"step": why.step, "present": why.present, "text": why.text}
                            for why in reasons
                        ],
                    }
                    for number, reasons in stories.items()
                ]
            }
        )
        return
    for number, reasons in stories.items():
        bit = bits.describe(number, xen)
        present = number in has
        terminal.heading(f"{bit.name} ({bit.place}) in this {TYPE_TITLES[domain.config.type]} "
                         f"guest: {'yes' if present else 'no'}")  # fmt: skip
        for why in reasons:
            terminal.paragraph(f"{'+' if why.present else '-'} {why.text} [{why.step}]", 2, 2)
        if not reasons:
            terminal.paragraph(
                f"it is as in the host's default policy, and nothing changes it; what the host has "
                f"it from is not known: explain {bit.name} on HOST tells what is",
                2,
                2,
            )
