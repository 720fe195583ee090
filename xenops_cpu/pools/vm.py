"""A VM and what it remembers: VM.last_boot_CPU_flags of xapi, of any age, or its CPU policy.

xapi (≥ 22.7, XenServer 8 and XCP-ng 8.3) compares the words of the record as they stand with the
host's migration set. XenServer 6 recorded four words in an order of its own, which older xapi put
in Xen's order; `stored` keeps what today's xapi compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, field, frozen

from ..cpuid.fields import vendor as vendor_of
from ..cpuid.limits import LeafLimits
from ..cpuid.policy import Policy
from ..features.featureset import WORD_BITS, Featureset
from ..features.fit import by_length
from ..features.release import COMMON_1D, X87, Release
from ..hosts import compat_bits
from ..hosts.record import OLD_STYLE_WORDS, featureset, in_order, orders
from ..interface import GuestType
from .member import Member

# Bits whose presence in an old record says nothing (names as in hosts.compat_bits.RULES).
_COMPATIBILITY = ("HTT", "X2APIC", "CMP_LEGACY", "IBS", "LWP", "SVM", "VMX")
# AMD's copies of leaf 1 EDX in leaf 80000001h EDX; no release has names for them there.
_COPIES = COMMON_1D << 2 * WORD_BITS
_DOMAIN_TYPES = {
    "pv": GuestType.PV,
    "hvm": GuestType.HVM,
    "pvh": GuestType.HVM,
    "pv_in_pvh": GuestType.HVM,
}
# libxc lays out a guest's topology by itself, whatever the level says.
TOPOLOGY = ("HTT", "CMP_LEGACY")
# Seen by guests that were created to run virtual machines themselves, and by no others.
NESTED = ("VMX", "SVM")
TYPE_NOT_TOLD = "its domain type is not told: taken for HVM (--type says otherwise)"


@frozen
class Vm:
    """`features`: what it has seen since it booted, None: nothing yet. `stored`: the words that
    xapi compares, where their order is another. `vendor` "": not known. `policy`: its CPU policy,
    where a suspend image or a live domain tells it. `typed`: its guest type is told; `runs_as`: how
    people call the type that it runs as ("PV in PVH"), "" where it is not told. `halted`: it does
    not run, so that whatever it remembers, it boots anew; `suspended`: it sleeps in an image.
    `home`: the host it is on, by uuid. `immobile`: why xapi will not migrate it, "" where it will.
    `own`: its platform:featureset, which it boots with instead of the pool's level. `origin`: the
    release of the host it is on, by name, where that is certain: old ones send no policy with it.
    `started`: the host where it booted, where that is known.
    """

    name: str
    guest: GuestType
    features: Featureset | None = None
    vendor: str = ""
    policy: Policy | None = field(default=None, repr=False)
    limits: LeafLimits | None = None
    stored: Featureset | None = None
    typed: bool = True
    runs_as: str = ""
    halted: bool = False
    suspended: bool = False
    uuid: str = ""
    home: str = ""
    immobile: str = ""
    own: Featureset | None = None
    origin: str = ""
    started: Member | None = field(default=None, eq=False, repr=False)
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def seen(self) -> Featureset | None:
        """What a host has to take in; None for one that boots.

        Not what a policy has of x87: every guest has the host's, and it refuses nobody.
        """
        if self.halted or self.features is None or self.policy is None:
            return None if self.halted else self.features
        return Featureset(self.features.bits & ~X87, self.features.length)

    @property
    def bound(self) -> bool:
        """Whether it may not leave the host it runs on, whatever its features."""
        return bool(self.immobile) and not self.halted and not self.suspended

    def here(self, host: Member) -> bool:
        """Whether it runs on this host now, as far as both tell."""
        return bool(self.home) and self.home == host.uuid and not self.halted


def of_flags(flags: Mapping[str, str], name: str, guest: GuestType | None, where: str = "") -> Vm:
    """A VM of xapi's last_boot_CPU_flags (`vendor`, `features`); an empty map: it has seen nothing.

    `guest` None: not told. Raises InputError, which names `where` and the VM.
    """
    place = f"{where}: {name}" if where else name
    text = flags.get("features", "").strip()
    vm = Vm(
        name,
        guest or GuestType.HVM,
        vendor=flags.get("vendor", ""),
        typed=guest is not None,
        notes=() if guest is not None else (TYPE_NOT_TOLD,),
    )
    if not text:
        return vm
    return of_words(featureset(text, f"{place}: features"), vm, recorded=True)


def of_words(words: Featureset, vm: Vm, recorded: bool = False) -> Vm:
    """The VM with what it has seen. Four words may be XenServer 6's, in another order.

    What can be read in two orders is said; what makes sense in one only is taken so. `recorded`:
    the words are xapi's record, which today's xapi compares as they stand.
    """
    if words.length != OLD_STYLE_WORDS:
        return evolve(vm, features=words)
    in_xens, in_old = orders(words)
    if in_xens and not in_old:
        return evolve(vm, features=words)
    if in_old and not in_xens:
        return _old_style(words, vm, recorded)
    order = "can be read in two orders" if in_xens else "make sense in no order that is known"
    note = (
        f"its four words {order}, Xen's (1d, 1c, e1d, e1c) and XenServer 6's (1c, 1d, e1c, e1d): "
        "taken in Xen's, as xapi 22.7 and later compare them"
    )
    return evolve(vm, features=words, notes=(*vm.notes, note))


def _old_style(words: Featureset, vm: Vm, recorded: bool) -> Vm:
    """XenServer 6 recorded the host's bits: those that Xen offers to no such guest are left out."""
    xen = by_length(0).release
    mask = xen.masks["pv_max" if vm.guest is GuestType.PV else "hvm_hap_max"].cut(OLD_STYLE_WORDS)
    ordered = in_order(words)
    never = ordered - mask
    notes = [
        *vm.notes,
        "its four words are XenServer 6's (leaf 1 ECX and EDX, leaf 80000001h ECX and EDX): what "
        "other features were seen is not known, and not checked",
    ]
    if never:
        notes.append(
            f"left out, because Xen offers them to no {vm.guest.name} guest and XenServer 6 "
            f"recorded the host's bits: {' '.join(xen.names(never))}"
        )
    return evolve(
        vm, features=ordered & mask, stored=words if recorded else None, notes=tuple(notes)
    )


def with_policy(vm: Vm, policy: Policy) -> Vm:
    """The VM with its CPU policy, which tells its limits and its vendor too."""
    return evolve(
        vm, policy=policy, limits=LeafLimits.of(policy), vendor=vm.vendor or vendor_of(policy)
    )


def started_on(
    host: Member, guest: GuestType, name: str = "", level: Featureset | None = None
) -> Vm:
    """A VM that was started on a host: it has seen what the host gives at boot. `level`: its
    toolstack gave it that featureset instead, as xapi does, and remembers it so.
    """
    return Vm(
        name or f"a VM started on {host.name}",
        guest,
        host.boot(guest) if level is None else level,
        vendor=host.vendor,
        limits=host.boot_limits.get(guest),
        origin=host.release.name if host.certain else "",
        started=host,
    )


def guest_type(
    domain_type: str, hvm_boot_policy: str | None = None, current: str = ""
) -> GuestType | None:
    """Of a VM's record: `current` is the type it runs as (VM_metrics.current_domain_type), which
    counts before the one it is to boot as; older records tell by HVM_boot_policy, empty for PV and
    None where there is no such key. None: not told.
    """
    for text in (current, domain_type):
        if text.strip().lower() in _DOMAIN_TYPES:
            return _DOMAIN_TYPES[text.strip().lower()]
    if hvm_boot_policy is None:
        return None
    return GuestType.HVM if hvm_boot_policy.strip() else GuestType.PV


# xapi's domain types, as people write them.
_TYPE_NAMES = {"pv": "PV", "hvm": "HVM", "pvh": "PVH", "pv_in_pvh": "PV in PVH"}


def type_name(domain_type: str, guest: GuestType | None, current: str = "") -> str:
    """How to call the type that a VM runs as, by the same fields; "" where it is not told."""
    for text in (current, domain_type):
        name = _TYPE_NAMES.get(text.strip().lower())
        if name:
            return name
    return guest.name if guest is not None else ""


def as_type(vm: Vm, guest: GuestType) -> Vm:
    """The VM taken as a guest of another type than its record says, or says nothing of."""
    notes = tuple(note for note in vm.notes if note != TYPE_NOT_TOLD)
    if vm.typed and guest is not vm.guest:
        notes += (f"its record says {vm.guest.name}: taken for {guest.name} as was asked",)
    runs_as = vm.runs_as if guest is vm.guest else ""
    other = evolve(vm, guest=guest, typed=True, runs_as=runs_as, notes=notes)
    if vm.stored is None:
        return other
    masked = of_words(vm.stored, other, recorded=True)
    return evolve(masked, notes=tuple(dict.fromkeys(masked.notes)))


def wrong_kind(vm: Vm, xen: Release) -> Featureset:
    """What a PV guest remembers that Xen offers to HVM guests only: a set of the wrong kind.

    Happens when a VM's domain type is changed. Compatibility bits do not count.
    """
    if vm.seen is None or vm.guest is GuestType.HVM:
        return Featureset()
    pv, hvm = xen.masks["pv_max"], xen.masks["hvm_hap_max"]
    known = Featureset.of_features(labels(vm, xen), vm.seen.length)
    return (vm.seen & (hvm - pv)) - known


def labels(vm: Vm, xen: Release) -> dict[int, str]:
    """The compatibility bits of a VM's record: feature number to where the bit comes from."""
    return dict(_labels(vm, xen))


def _labels(vm: Vm, xen: Release) -> Iterator[tuple[int, str]]:
    if vm.seen is None:
        return
    for number in Featureset(vm.seen.bits & _COPIES, vm.seen.length):
        yield number, compat_bits.COMMON_REASON
    for rule in compat_bits.RULES:
        for name in rule.names:
            known = xen.features.get(name)
            if known is None or name not in _COMPATIBILITY or known.number not in vm.seen:
                continue
            if vm.guest is GuestType.PV and "pv_max" not in rule.sets:
                continue
            if rule.vendors is None or not vm.vendor or vm.vendor in rule.vendors:
                yield known.number, rule.reason
