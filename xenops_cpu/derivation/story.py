"""The reasons for one bit: a walk through the record of a derivation.

1. A story begins in the silicon and ends in the set that was asked for. It follows the sets as they
   follow from each other: CPUID, host, maximum, default.
2. A line that it borrows from another feature's story begins with that feature's name.
3. It gives the first cause: a feature that went with others names those that were missing for a
   reason of their own, and borrows the reason of each.
4. No line denies the next one: what a later step of the same set gives back is not said to be
   offered to nobody.
"""

from __future__ import annotations

from itertools import takewhile

from attrs import evolve, frozen

from ..cpuid.identity import AMD, HYGON
from .exposure import masked
from .pipeline import steps_by_id
from .releases import DerivationError
from .result import Derivation
from .state import Change, plan
from .words import unread


@frozen
class Reason:
    """`present`: whether the feature is there after this. `step`: a step's id, or "silicon",
    "list" (Xen's list of features and who may have them), "none" (no step concerns it).
    `lacking`: the features, by number, whose absence took it.
    """

    feature: int
    set: str
    step: str
    present: bool
    text: str
    lacking: tuple[int, ...] = ()


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def reasons_of(derivation: Derivation, name: str, number: int) -> tuple[Reason, ...]:
    """Why feature `number` is or is not in the set `name` (one of SETS), first cause first.

    Raises DerivationError for a maximum that the release does not have.
    """
    if derivation.featuresets[name] is None:
        raise DerivationError(f"{derivation.release.title} has no set {name}: one set a guest type")
    return tuple(_Teller(derivation, number).tell(name))


class _Teller:
    """One derivation and one feature, so that the parts of the story need no long signatures."""

    def __init__(self, derivation: Derivation, number: int) -> None:
        self.derivation = derivation
        self.number = number
        self.bit = 1 << number
        self.plan = plan(derivation.release.name)
        self.single = not derivation.release.has_max

    def tell(self, name: str) -> list[Reason]:
        if name == "raw":
            return self._raw()
        story = self._host()
        if name == "host":
            return story
        kind = name.partition("_")[0]
        if kind == "hvm" and not self.derivation.hvm:
            return [*story, *self._no_hvm(name)]
        lineage = [name] if name.endswith("_max") or self.single else [f"{kind}_max", name]
        for step_of_lineage in lineage:
            story += self._guest(step_of_lineage, story[-1].present)
        return story

    def _no_hvm(self, name: str) -> list[Reason]:
        host = self._final("host")
        vmx, svm = (bool(host & self.plan.bit[key]) for key in ("VMX", "SVM"))
        if vmx or svm:
            switch = "VT-x (VMX)" if vmx else "AMD-V (SVM)"
            text = (
                f"there are no HVM guests: the CPU has {switch}, and it could not be switched on "
                "(firmware has locked it off, or it lacks controls that Xen needs)"
            )
            return [self._reason(name, "none", False, text)]
        own = "SVM" if self.derivation.cpu.vendor in (AMD, HYGON) else "VMX"
        text = f"there are no HVM guests: {own}, which they need, is not in the host set"
        reason = self._reason(name, "none", False, text)
        number = self.derivation.release.features[own].number
        return [reason] if number == self.number else [reason, self._borrowed("host", number)]

    def _reason(
        self, name: str, step: str, present: bool, text: str, lacking: tuple[int, ...] = ()
    ) -> Reason:
        return Reason(self.number, name, step, present, text, lacking)

    def _label(self, number: int) -> str:
        return self.derivation.release.label(number)

    # Raw and host

    def _silicon(self, name: str) -> Reason:
        present = bool(self.derivation.silicon & self.bit)
        words = self.derivation.release.words
        word = words[self.number // 32]
        if word.leaf is None and word.msr is None:
            text = "its word is reserved"
        elif present:
            text = f"the CPU has it: {word} bit {self.number % 32} is 1"
        else:
            text = f"the CPU does not show it: {word} bit {self.number % 32} is 0"
            if word.msr is not None and not self.derivation.silicon & self.plan.bit["ARCH_CAPS"]:
                text = f"the CPU does not show it: {word} exists with ARCH_CAPS only"
            elif word.msr is not None and word.msr not in self.derivation.cpu.msrs:
                text = f"{word} is not known: it is taken as 0"
            elif word.leaf is not None and not self._leaf_exists(word.leaf, word.subleaf or 0):
                text = f"the CPU does not show it: its highest leaf is below {word}"
            elif self.number // 32 in unread(self.derivation.release):
                text = f"{self.derivation.release.title} does not read {word}, whatever it says"
        return self._reason(name, "silicon", present, text)

    def _leaf_exists(self, leaf: int, subleaf: int) -> bool:
        cpu = self.derivation.cpu
        if leaf >= 0x80000000:
            return cpu.max_extended >= leaf
        return cpu.max_basic >= leaf and (leaf != 7 or cpu.leaf(7)[0] >= subleaf)

    def _shown(self, name: str, until: str) -> list[Reason]:
        """The silicon, and what Xen's register writes made of it before the step `until`."""
        story = [self._silicon(name)]
        state = self.plan.bit["OSXSAVE"] | self.plan.bit["OSPKE"]
        if self.bit & state and story[-1].present:
            text = "it tells what the system has switched on; nothing is when Xen starts"
            story.append(self._reason(name, "silicon", False, text))
        for change in self._changes("cpuid", until):
            if not change.step:
                text = "a TSX register hides it from CPUID before Xen starts"
                story.append(self._reason(name, "silicon", False, text))
            else:
                story.append(self._of(change, name))
        return story

    def _changes(self, name: str, until: str = "") -> list[Change]:
        """Those of a set that touch the feature; `until`: before the first run of that step."""
        touching = []
        for change in self.derivation.changes:
            if until and change.step == until:
                break
            if change.set == name and (change.added | change.removed) & self.bit:
                touching.append(change)
        return touching

    def _raw(self) -> list[Reason]:
        story = self._shown("raw", "raw.words")
        if story[-1].present and not self._final("raw") & self.bit:
            text = "this release does not read that leaf into the raw set"
            story.append(self._reason("raw", "raw.words", False, text))
        return story

    def _host(self) -> list[Reason]:
        story = self._shown("host", "host.words")
        for change in self._changes("host"):
            if change.step == "host.words":
                continue
            if change.step == "host.known":
                text = f"{self.derivation.release.title} has no name for it"
                story.append(self._reason("host", change.step, False, text))
            elif change.step in ("host.forced", "host.cleared"):
                story.append(self._remembered(change.step.removeprefix("host.")))
            elif change.removed & self.bit and self._by("cleared", change.step):
                story.append(self._remembered("cleared"))
            else:
                story.append(self._of(change, "host"))
        present = bool(self._final("host") & self.bit)
        steps = {reason.step for reason in story}
        if not present and self._by("forced") and self._by("cleared"):
            both = (self._remembered("forced"), self._remembered("cleared"))
            story.extend(reason for reason in both if reason.step not in steps)
        if story[-1].present and not present:
            text = "the maximum of the extended leaves does not announce them with 8000h"
            story.append(self._reason("host", "host.words", False, text))
        return story

    def _by(self, memory: str, step: str = "") -> Change | None:
        """The step that forced or cleared the feature, if it is `step`."""
        return next((c for c in self._changes(memory) if step in ("", c.step)), None)

    def _remembered(self, memory: str) -> Reason:
        change = self._by(memory)
        assert change is not None
        text = self._text(change)
        lacking: tuple[int, ...] = ()
        if change.root is not None and change.root != self.number:
            text = f"it depends on {self._label(change.root)}, which is cleared: {text}"
            lacking = (change.root,)
        return self._reason("host", change.step, memory == "forced", text, lacking)

    def _of(self, change: Change, name: str) -> Reason:
        return self._reason(name, change.step, bool(change.added & self.bit), self._text(change))

    @staticmethod
    def _text(change: Change) -> str:
        why = steps_by_id()[change.step].why
        return f"{why} ({change.detail})" if change.detail else why

    def _final(self, name: str) -> int:
        featureset = self.derivation.featuresets[name]
        assert featureset is not None
        return featureset.bits

    # Guests

    def _guest(self, name: str, present: bool) -> list[Reason]:
        story: list[Reason] = []
        changes = self._changes(name)
        for index, change in enumerate(changes):
            if change.step.endswith(("-max.mask", "default.mask", "one.mask")):
                follows = any(later.added & self.bit for later in changes[index + 1 :])
                text = masked(self.derivation.release, self.number, name, follows=follows)
                if "assisted paging" in text and change.detail:
                    text = f"{text}; here they run {change.detail}"
                story.append(self._reason(name, change.step, False, text))
            elif change.step == "guest.sanitise":
                story += self._sanitised(change, name)
            else:
                story.append(self._of(change, name))
            present = story[-1].present if story[-1].feature == self.number else False
        if not story:
            text = self._kept_text(name) if present else self._absent_text(name)
            story.append(self._reason(name, "list" if present else "none", present, text))
        return story

    def _kept_text(self, name: str) -> str:
        kind = name.partition("_")[0].upper()
        default = " by default" if name.endswith("_default") and not self.single else ""
        nested = self.bit & (self.plan.bit["VMX"] | self.plan.bit["SVM"])
        condition = "; one sees it with nested virtualisation only" if nested else ""
        return f"Xen offers it to {kind} guests{default}{condition}"

    def _absent_text(self, name: str) -> str:
        before = "host"
        if name.endswith("_default") and not self.single:
            before = name.replace("_default", "_max")
        return f"the set it is made from ({before}) lacks it, and no step sets it"

    def _sanitised(self, change: Change, name: str) -> list[Reason]:
        """Gone for lack of a base: name those that are missing, and why each is."""
        before = self._before(change, name)
        missing = {
            base.bit_length() - 1
            for base, dependents in self.plan.dependents.items()
            if base & self.plan.deep & ~before and dependents & self.bit
        }
        reasons = {number: self._borrowed(name, number) for number in sorted(missing)}
        # One that itself went with another of them is no cause.
        causes = {n: r for n, r in reasons.items() if not missing.intersection(r.lacking)}
        names = _listed([self._label(number) for number in causes])
        text = f"it depends on {names}, which the set lacks"
        own = self._reason(name, change.step, False, text, tuple(causes))
        return [own, *causes.values()]

    def _borrowed(self, name: str, number: int) -> Reason:
        """Why another feature is not in the set, in a line that names it."""
        reason = _Teller(self.derivation, number).decisive(name)
        return evolve(reason, text=f"{self._label(number)}: {reason.text}")

    def decisive(self, name: str) -> Reason:
        """The last reason that says something about an absent feature."""
        story = self.tell(name)
        telling = [r for r in story if r.step != "none" and r.feature == self.number]
        return telling[-1] if telling else story[-1]

    def _before(self, change: Change, name: str) -> int:
        """The guest set as the step of `change` found it."""
        kind = name.partition("_")[0]
        source = "host" if name.endswith("_max") or self.single else f"{kind}_max"
        bits = self._final(source)
        for earlier in takewhile(lambda each: each is not change, self.derivation.changes):
            if earlier.set == name:
                bits = (bits | earlier.added) & ~earlier.removed
        return bits
