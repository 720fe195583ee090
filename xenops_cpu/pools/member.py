"""Hosts and VMs as a pool knows them, whatever they were read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Protocol

from attrs import field, frozen

from ..cpuid.limits import LeafLimits
from ..features.featureset import Featureset
from ..features.release import COMMON_1D, Release
from ..hosts import compat_bits
from ..hosts.cpu_info import Offer, offers
from ..hosts.host import Featuresets, Host

# Bits whose presence in an old record says nothing (names as in xenops_cpu.compat.RULES).
_COMPATIBILITY = ("HTT", "X2APIC", "CMP_LEGACY", "IBS", "LWP", "SVM", "VMX")
_COMMON_1D_WORD = 2


class DomainTypeError(ValueError):
    """A text that names no type of guest."""


class GuestType(Enum):
    """Whose featuresets count: PVH and PV-in-PVH guests have the HVM ones."""

    PV = "pv"
    HVM = "hvm"

    @classmethod
    def of(cls, domain_type: str) -> GuestType:
        """By xapi's domain_type or by a person's word. Raises DomainTypeError."""
        word = domain_type.strip().lower().replace("-", "_")
        if word == "pv":
            return cls.PV
        if word in ("hvm", "pvh", "pv_in_pvh"):
            return cls.HVM
        raise DomainTypeError(f'domain type "{domain_type}" is not pv, hvm, pvh or pv_in_pvh')


@frozen
class Member:
    """A host as a pool sees it. A guest type that it does not run is not in `offers`.

    `labels`: bits of the migration sets that XenServer's libxc adds for old VMs, with the reason.
    `sets`: all that Xen answered, where it is known. `explain`: why a feature (by number) is or is
    not in one of Xen's sets (by its name in Featuresets), first cause first; None where nobody
    knows.
    """

    name: str
    vendor: str
    release: Release = field(repr=lambda xen: repr(xen.name))
    offers: Mapping[GuestType, Offer]
    cpu_count: int = 0
    socket_count: int = 0
    limits: Mapping[GuestType, LeafLimits] = field(factory=dict)
    labels: Mapping[GuestType, Mapping[int, str]] = field(factory=dict)
    sets: Featuresets | None = None
    explain: Callable[[str, int], str] | None = field(default=None, eq=False, repr=False)
    notes: tuple[str, ...] = ()

    def boot(self, guest: GuestType) -> Featureset:
        """What a new guest gets; the featureset without words where there are no such guests."""
        offer = self.offers.get(guest)
        return offer.boot if offer else Featureset()

    def migration(self, guest: GuestType) -> Featureset:
        """The most a guest may arrive with; without words where there are no such guests."""
        offer = self.offers.get(guest)
        return offer.migration if offer else Featureset()


@frozen
class Vm:
    """A VM and what it remembers. `features` None: it has seen nothing yet (it is shut down).

    `vendor` "": not known. `limits`: of its CPU policy, where that is known.
    """

    name: str
    guest: GuestType
    features: Featureset | None = None
    vendor: str = ""
    limits: LeafLimits | None = None
    notes: tuple[str, ...] = ()


class _Reason(Protocol):
    @property
    def feature(self) -> int: ...
    @property
    def step(self) -> str: ...
    @property
    def text(self) -> str: ...


class Story(Protocol):
    """What can tell the reasons for a bit: a Derivation."""

    def story(self, name: str, number: int) -> Sequence[_Reason]: ...


def explainer(derivation: Story) -> Callable[[str, int], str]:
    """The `explain` of a Member out of a derivation: the decisive reason and what led to it."""

    def explain(name: str, number: int) -> str:
        story = [reason for reason in derivation.story(name, number) if reason.step != "none"]
        own = [index for index, reason in enumerate(story) if reason.feature == number]
        return "; ".join(reason.text for reason in story[own[-1] if own else 0 :])

    return explain


def member_of_host(
    host: Host, name: str = "", explain: Callable[[str, int], str] | None = None
) -> Member:
    """A host that a source has read (a capture, a simulation, the hypervisor, xe's text).

    A guest type of which no set has a feature does not run there. Where a record tells the most a
    guest may arrive with and not what a new one gets, the former stands for both.
    """
    given, notes = {}, list(host.notes)
    for guest, offer in zip(GuestType, offers(host), strict=True):
        told: Featureset | None = getattr(host.featuresets, f"{guest.value}_max")
        if not offer.default.length and told:
            given[guest] = Offer(offer.kind, told, told)
            notes.append(
                f"what a new {offer.kind} guest gets is not told: {offer.kind} max is taken"
            )
        elif offer.migration:
            given[guest] = offer
    labels = compat_bits.host_labels(host)
    limits = {}
    for guest in given:
        policy = host.policies.get(f"{guest.value}_max")
        if policy is not None:  # the host policy will not do: Xen takes in more leaves than it has
            limits[guest] = LeafLimits.of(policy)
    return Member(
        name=name or host.origin,
        vendor=host.processor.vendor,
        release=host.release,
        offers=given,
        cpu_count=host.topology.cpu_count,
        socket_count=host.topology.socket_count,
        limits=limits,
        labels={guest: labels.get(f"{guest.value}_max", {}) for guest in given},
        sets=host.featuresets,
        explain=explain,
        notes=tuple(notes),
    )


def wrong_kind(vm: Vm, xen: Release) -> Featureset:
    """What a PV guest remembers that Xen offers to HVM guests only: a set of the wrong kind.

    Happens when a VM's domain type is changed. Compatibility bits do not count.
    """
    if vm.features is None or vm.guest is GuestType.HVM:
        return Featureset()
    pv, hvm = xen.masks["pv_max"], xen.masks["hvm_hap_max"]
    known = Featureset.of_features(labels(vm, xen), vm.features.length)
    return (vm.features & (hvm - pv)) - known


def labels(vm: Vm, xen: Release) -> dict[int, str]:
    """The compatibility bits of a VM's record: feature number to where the bit comes from."""
    return dict(_labels(vm, xen))


def _labels(vm: Vm, xen: Release) -> Iterator[tuple[int, str]]:
    if vm.features is None:
        return
    low = _COMMON_1D_WORD * 32
    for number in vm.features:
        in_common = low <= number < low + 32 and COMMON_1D >> (number - low) & 1
        if in_common and xen.feature(number) is None:
            yield number, compat_bits.COMMON_REASON
    for rule in compat_bits.RULES:
        for name in rule.names:
            known = xen.features.get(name)
            if known is None or name not in _COMPATIBILITY or known.number not in vm.features:
                continue
            if vm.guest is GuestType.PV and "pv_max" not in rule.sets:
                continue
            if rule.vendors is None or not vm.vendor or vm.vendor in rule.vendors:
                yield known.number, rule.reason
