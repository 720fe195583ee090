"""What xen-cpuid prints: `-i`, `-d`, `-v` (sets), `-p` (policies), and a featureset decoded.

    Dynamic sets:
    Raw                             178bfbfd:80002001:20100800
      [00] CPUID 0x00000001.edx     fpu vme de pse tsc
    Raw policy: 31 leaves, 2 MSRs
      00000000:ffffffff -> 0000000d:756e6547:6c65746e:49656e69
      0000010a -> 0000000000000000

Facts: xen/tools/misc/xen-cpuid.c, 4.7 to 4.22. Columns have other widths and sets other names from
release to release; neither is relied on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen

from ...cpuid.identity import LeafKey, Registers
from ...cpuid.policy import Policy
from ...errors import InputError
from ...explain.xen_cpuid import DYNAMIC, STATIC
from ...features.featureset import Featureset
from ...hosts.parts import Parts
from ...limits import input_limits

_COUNT = re.compile(r"nr_features: (\d{1,3})\s*")
_SET = re.compile(r"(\w[\w ]{0,40}?)\s{2,99}([0-9a-fA-F]{8}(?::[0-9a-fA-F]{8})*)\s*")
_ANY_SET = re.compile(rf"({'|'.join(sorted({**STATIC, **DYNAMIC}, key=len, reverse=True))})\s\s+")
_POLICY = re.compile(r"(\w[\w ]{0,40}?) policy: \d+ leaves, \d+ MSRs\s*")
_LEAF = re.compile(
    r"\s*([0-9a-f]{8}):([0-9a-f]{8}) -> ([0-9a-f]{8}):([0-9a-f]{8}):([0-9a-f]{8}):([0-9a-f]{8})\s*"
)
_MSR = re.compile(r"\s*([0-9a-f]{8}) -> ([0-9a-f]{16})\s*")
_ENTRY = re.compile(r"\s*[0-9a-f]{1,8}(?::[0-9a-f]{0,8})?(?: -.*)?$")


@frozen
class Printed:
    """`domains`: policies of running domains, by number. `decoded`: sets given as arguments."""

    parts: Parts
    domains: Mapping[int, Policy] = field(factory=dict)
    decoded: tuple[Featureset, ...] = ()


def recognises(text: str) -> bool:
    return any(
        line.startswith(("nr_features: ", "Static sets:", "Dynamic sets:", "Xen reports there are"))
        or _POLICY.fullmatch(line)
        or (line.startswith("Raw  ") and _SET.fullmatch(line))
        for line in text.splitlines()[:400]
    )


def parse(text: str, where: str) -> Printed:
    """Raises InputError, which names the line."""
    reading = _Reading(where)
    for number, line in enumerate(text.splitlines(), 1):
        reading.line(number, line)
    return reading.done()


class _Reading:
    """What has been read so far, line by line."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.words = 0
        self.section = ""
        self.sections: set[str] = set()
        self.known: dict[str, Featureset] = {}
        self.sets: dict[str, Featureset] = {}
        self.decoded: list[Featureset] = []
        self.policies: dict[str, Policy] = {}
        self.policy = ""
        self.leaves: dict[LeafKey, Registers] = {}
        self.msrs: dict[int, int] = {}
        self.whole = True

    def line(self, number: int, line: str) -> None:
        if match := _COUNT.fullmatch(line):
            self.end_policy(number)
            self.words = int(match[1])
        elif line.startswith(("Static sets:", "Dynamic sets:")):
            self.section = line.partition(" ")[0]
            self.sections.add(self.section)
        elif match := _POLICY.fullmatch(line):
            self.end_policy(number)
            self.policy, self.whole = match[1], False
        elif self.policy:
            self.policy_line(number, line)
        elif match := _SET.fullmatch(line):
            self.set(number, match[1], match[2])
        elif _ANY_SET.match(line):
            raise InputError(
                f'{self.where}, line {number}: "{line.strip()[:60]}" is not a set: words of 8 hex '
                'digits joined by ":"'
            )

    def set(self, number: int, name: str, words: str) -> None:
        featureset = Featureset.parse(words)
        if self.words and featureset.length != self.words:
            raise InputError(
                f"{self.where}, line {number}: {name} has {featureset.length} words, and there "
                f"are {self.words} by nr_features"
            )
        if self.section == "Static" and name in STATIC:
            self.known[STATIC[name]] = featureset
        elif self.section == "Dynamic" and name in DYNAMIC:
            self.sets[DYNAMIC[name]] = featureset
        elif not self.section:
            self.decoded.append(featureset)

    def policy_line(self, number: int, line: str) -> None:
        if match := _LEAF.fullmatch(line):
            leaf, subleaf, eax, ebx, ecx, edx = (int(part, 16) for part in match.groups())
            self.leaves[leaf, subleaf] = (eax, ebx, ecx, edx)
        elif match := _MSR.fullmatch(line):
            self.msrs[int(match[1], 16)] = int(match[2], 16)
        elif line.strip() == "MSRs:":
            self.whole = True
        elif _ENTRY.match(line) and line.strip():
            raise InputError(
                f'{self.where}, line {number}: "{line.strip()[:60]}" is not leaf:subleaf -> '
                "eax:ebx:ecx:edx nor index -> value, 8 hex digits each and 16 for a value"
            )
        if len(self.leaves) + len(self.msrs) > input_limits.POLICY_ENTRIES:
            raise InputError(f"{self.where}, line {number}: more leaves than a policy can have")

    def end_policy(self, number: int) -> None:
        if self.policy:
            if not self.whole:
                raise InputError(
                    f"{self.where}, line {number}: the {self.policy} policy ends before its MSRs: "
                    "the text is cut short"
                )
            if len(self.policies) == input_limits.VMS:
                raise InputError(
                    f"{self.where}, line {number}: more than {input_limits.VMS:,} policies"
                )
            self.policies[self.policy] = Policy(self.leaves, self.msrs)
            self.policy, self.leaves, self.msrs = "", {}, {}

    def done(self) -> Printed:
        self.end_policy(0)
        if "Static" in self.sections and not self.sets:
            raise InputError(f"{self.where}: no set under Dynamic sets: the text is cut short")
        domains, policies = {}, {}
        for name, policy in self.policies.items():
            kind, _, number = name.rpartition(" ")
            if kind == "Domain" and number.isdigit():
                domains[int(number)] = policy
            elif name in DYNAMIC:
                policies[DYNAMIC[name]] = policy
        return Printed(
            Parts(sets=self.sets, policies=policies, known=self.known),
            domains,
            tuple(self.decoded),
        )
