"""What a domain has other than another policy has, with the reason for each: the default policy of
its type, or what the same VM had on the host that it came from.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from ..cpuid.fields import ADDRESSES, ARCH_CAPS, FEATURES, LIMITS, MSR_NAMES, MSRS, STATE
from ..cpuid.policy import NO_SUBLEAF, SUBLEAVES, Policy
from ..cpuid.statements import Place, Statement, in_leaves, statements
from ..features.meanings import copy_of
from . import reasons
from .domain import Domain
from .spec_ctrl import spec_ctrl_bits

# Of these categories, fewer is worse for a guest that already runs.
_COUNTED = (LIMITS, ADDRESSES, STATE, MSRS)
_STATE_MASKS = ("components", "supervisor components")
_STATE_LOST = "it follows from the features; a stream with state of a lost component is refused"


@frozen
class Change:
    """One thing that differs.

    `category`: FEATURES, or one of cpuid.fields.CATEGORIES. `title`: of a feature its name.
    `before`, `after`: as text, of a feature "yes" and "no". `why`: "" where the two hosts just
    differ. `lost`: less than before, so that a guest which already counts on it can fail.
    `number`: of a feature.
    """

    category: str
    title: str
    before: str
    after: str
    why: str
    lost: bool
    number: int | None = None

    @property
    def flag(self) -> str:
        """The feature, or the bit of a register, that it is about; "" where it is a number."""
        if self.category == FEATURES or {self.before, self.after} == {"yes", "no"}:
            return self.title.removeprefix(f"{MSR_NAMES[ARCH_CAPS]} ")
        return ""

    def __str__(self) -> str:
        return f"{self.title}: {self.before} → {self.after}"


def changes(before: Policy, domain: Domain, otherwise: str = "") -> tuple[Change, ...]:
    """What differs, features first, then by category.

    `otherwise`: the reason for what the domain has had since it was created.
    """
    unexplained = (
        *_features(before, domain),
        *_others(before, domain),
        *_spec_ctrl(before, domain),
    )
    return tuple(change if change.why else evolve(change, why=otherwise) for change in unexplained)


def _features(before: Policy, domain: Domain) -> Iterator[Change]:
    """AMD's copies of leaf 1 are left out: they repeat it."""
    xen = domain.hypervisor.release
    old, new = in_leaves(before, xen), in_leaves(domain.policy, xen)
    for number in old ^ new:
        if copy_of(number) is None:
            lost = number in old
            before_after = ("yes", "no") if lost else ("no", "yes")
            why = of_feature(domain, number)
            yield Change(FEATURES, xen.label(number), *before_after, why, lost, number)


def _others(before: Policy, domain: Domain) -> Iterator[Change]:
    after = domain.policy
    for statement in statements(before, after, domain.hypervisor.release):
        why, lost = _of_statement(domain, statement), _lost(statement, before, after)
        if lost and statement.title.startswith(_STATE_MASKS):
            why = _STATE_LOST
        yield Change(statement.category, statement.title, statement.a, statement.b, why, lost)


def _spec_ctrl(before: Policy, domain: Domain) -> Iterator[Change]:
    """What is in no leaf, and decides whether a stream is restored."""
    xen = domain.hypervisor.release
    old, new = spec_ctrl_bits(before, xen), spec_ctrl_bits(domain.policy, xen)
    if old != new:
        why = "they go with features of leaf 7 and 80000008h; a stream with others is not restored"
        yield Change(
            MSRS, "SPEC_CTRL: bits that may be set", f"{old:x}h", f"{new:x}h", why,
            lost=bool(old & ~new),
        )  # fmt: skip


def _lost(statement: Statement, before: Policy, after: Policy) -> bool:
    place = statement.place
    if statement.category not in _COUNTED or place is None:
        return False
    old, new = _value(before, place), _value(after, place)
    is_mask = statement.title.startswith(_STATE_MASKS)
    return bool(old & ~new) if is_mask else old > new


def _value(policy: Policy, place: Place) -> int:
    if place.msr is not None:
        return policy.msrs.get(place.msr, 0) & place.mask
    return policy.leaf(*place.key)[place.register] & place.mask


def of_feature(domain: Domain, number: int) -> str:
    """Why a feature is or is not in a domain's policy; "" where it is as in the default policy."""
    story = reasons.of_feature(domain, number)
    if not story:
        return ""
    last = story[-1]
    return dependence(domain, number) if last.step == "recalc.sanitise" else last.text


def dependence(domain: Domain, number: int) -> str:
    """Which missing features one depends on, in words."""
    xen = domain.hypervisor.release
    names = [xen.label(base) for base in reasons.bases(domain, number)]
    if not names:
        return "this Xen does not know it"
    return f"it depends on {', '.join(names)}, which the VM has not"


def _of_statement(domain: Domain, statement: Statement) -> str:
    place = statement.place
    if place is None:
        return ""
    if place.msr is not None:
        story = reasons.of_msr(domain, place.msr, place.mask)
    else:
        leaf, subleaf = place.key
        key = (leaf, subleaf if leaf in SUBLEAVES else NO_SUBLEAF)
        story = reasons.of_leaf(domain, key, place.register, place.mask)
    return story[-1].text if story else ""
