"""One VM's policy in words: what it has other than the default policy of its type, and why."""

from __future__ import annotations

from attrs import frozen

from ..cpuid.policy import SUBLEAVES
from ..derivation import Derivation, DerivationError
from ..features.meanings import copy_of
from ..guests import reasons
from ..guests.domain import Domain
from .policies import PolicyDifference, Statement, policies


@frozen
class Why:
    """`present`: whether the feature is there after it, None where it is no feature."""

    step: str
    text: str
    present: bool | None = None


@frozen
class FeatureChange:
    """A feature that the VM has and the default policy has not, or the other way round."""

    number: int
    name: str
    gained: bool
    why: str


@frozen
class OtherChange:
    """Something else that differs from the default policy."""

    statement: Statement
    why: str


@frozen
class VmDifference:
    """What differs from the default policy of the VM's type."""

    features: tuple[FeatureChange, ...]
    others: tuple[OtherChange, ...]

    @property
    def same(self) -> bool:
        return not self.features and not self.others


def against_default(domain: Domain) -> VmDifference:
    """What the toolstack and Xen made other than the default policy, each with its reason."""
    xen = domain.hypervisor.release
    found = _difference(domain)
    before, after = found.features.a, found.features.b
    return VmDifference(
        tuple(
            FeatureChange(number, xen.label(number), number in after, _why(domain, number))
            for number in before ^ after
            if copy_of(number) is None  # AMD's copies of leaf 1, which only domains have
        ),
        tuple(OtherChange(one, _of_statement(domain, one)) for one in found.statements),
    )


def _difference(domain: Domain) -> PolicyDifference:
    default = domain.hypervisor.default_lists[domain.kind]
    return policies(default, domain.policy, domain.hypervisor.release)


def _why(domain: Domain, number: int) -> str:
    found = reasons.of_feature(domain, number)
    if not found:
        return ""
    last = found[-1]
    if last.step == "recalc.sanitise":
        return _depends(domain, number)
    return last.text


def _depends(domain: Domain, number: int) -> str:
    names = [domain.hypervisor.release.label(base) for base in reasons.bases(domain, number)]
    return (
        f"it depends on {', '.join(names)}, which the VM has not"
        if names
        else ("this Xen does not know it")
    )


def _of_statement(domain: Domain, statement: Statement) -> str:
    place = statement.place
    if place is None:
        return ""
    if place.msr is not None:
        found = reasons.of_msr(domain, place.msr, place.mask)
    else:
        leaf, subleaf = place.key
        key = (leaf, subleaf if leaf in SUBLEAVES else 0xFFFFFFFF)
        found = reasons.of_leaf(domain, key, place.register, place.mask)
    return found[-1].text if found else ""


def story(domain: Domain, number: int, derivation: Derivation | None) -> tuple[Why, ...]:
    """Why a VM has a feature, or has it not: the default set's story, then the domain's own.

    `derivation` is the one behind the host, where there is one.
    """
    told: list[Why] = []
    if derivation is not None:
        try:
            told = [
                Why(reason.step, reason.text, reason.present)
                for reason in derivation.story(f"{domain.kind}_default", number)
            ]
        except DerivationError:
            told = []
    for reason in reasons.of_feature(domain, number):
        text = reason.text
        if reason.step == "recalc.sanitise" and not reason.after:
            text = _depends(domain, number)
        told.append(Why(reason.step, text, bool(reason.after)))
    return tuple(told)
