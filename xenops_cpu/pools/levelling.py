"""The level of a pool: the featureset that every host of it can give.

What XenServer's libxc does (xc_combine_cpu_featuresets() in tools/libs/guest/xg_cpuid_x86.c, patch
libxc-cpu-policies; tools/libxc/xc_cpuid_x86.c in 8.2), for upstream Xen as well:

1. a feature is in the level when all have it; one that is *OR-ed* when any has it;
2. what depends on a missing feature goes with it;
3. with ARCH_CAPS in the level and RSBA or RRSBA on any host, the level has RRSBA where it has
   EIBRS and RSBA where it has not, and never both.

The rules are those of one release for the whole pool; words that it does not know are AND-ed. The
result does not depend on the order or grouping of the hosts. AND and OR do not; clearing dependents
takes the largest set without orphans, and no feature that others depend on is OR-ed, so clearing
early removes nothing that stays when clearing late; RSBA and RRSBA are one fact in two forms,
remade from EIBRS each time. tests/pools/test_levelling.py holds it to that. One host alone is its
own level, as it is: nothing is cleared.

So a level is a *reduction* of any number of hosts (AND, OR, the greatest length, their count), and
one step at the end that settles it. Reductions of parts add up to that of the whole: a database, or
many machines, can reduce a fleet, and docs/fleet.md does.

Sets of fewer than four words are no featureset of any Xen. xapi's own tests have such sets, and
xapi's plain AND is what they get (intersect in ocaml/xapi/cpuid_helpers.ml).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from attrs import frozen

from ..features.featureset import Featureset
from ..features.fit import by_length
from ..features.release import Release, release
from .ored import ored_bits

# A set of XenServer 6 has four words, of Xen 4.7 ten.
SHORTEST = 4


@frozen
class Rules:
    """One release's rules as integers. `bases`: (bit of a deep feature, all that depend on it)."""

    ored: int
    bases: tuple[tuple[int, int], ...]
    rsba: int
    rrsba: int
    arch_caps: int
    eibrs: int

    def settle(self, in_all: int, in_any: int, length: int) -> int:
        """The level's bits out of what all have and what any has; `length` in words."""
        if length < SHORTEST:
            return in_all
        bits = in_all | (self.ored & in_any)
        for base, dependents in self.bases:
            if not bits & base:
                bits &= ~dependents
        either = self.rsba | self.rrsba
        if bits & self.arch_caps and in_any & either:
            bits &= ~either
            bits |= self.rrsba if bits & self.eibrs else self.rsba
        return bits


@cache
def rules(name: str, later: bool = True) -> Rules:
    """The rules of the release `name`. `later` False: with what libxc's code OR-s, not more."""
    xen = release(name)

    def bit(feature: str) -> int:
        known = xen.features.get(feature)
        return 1 << known.number if known else 0

    return Rules(
        ored=ored_bits(xen, later),
        bases=tuple((1 << number, mask.bits) for number, mask in xen.deep_deps.items()),
        rsba=bit("RSBA"),
        rrsba=bit("RRSBA"),
        arch_caps=bit("ARCH_CAPS"),
        eibrs=bit("EIBRS"),
    )


def combine(left: Featureset, right: Featureset, xen: Release | None = None) -> Featureset:
    """The level of two hosts, exactly as XenServer's libxc computes it with the release's tables.

    In as many words as the longer one; missing words read as zero. The featureset without words
    stands for "no host yet", so it is neutral: xapi starts a pool's level with it. `xen` None:
    the release that the length belongs to (features.fit.by_length). It differs from level in one
    bit only: on 4.17 and 4.18, level also OR-s VERW_CLEAR, which libxc's list there has not.
    """
    if not left.length:
        return right
    if not right.length:
        return left
    length = max(left.length, right.length)
    libxc = rules((xen or by_length(length).release).name, later=False)
    return Featureset(libxc.settle(left.bits & right.bits, left.bits | right.bits, length), length)


@frozen
class Reduction:
    """What a level needs of any number of hosts: AND, OR, length and count; of none by default.

    `in_all`: the bits that all have, -1 of none. `in_any`: the bits that any has. `length`: of the
    longest, in words. `count`: hosts, without those that have no words.
    """

    in_all: int = -1
    in_any: int = 0
    length: int = 0
    count: int = 0

    def __add__(self, other: Reduction) -> Reduction:
        """Of the hosts of both."""
        return Reduction(
            self.in_all & other.in_all,
            self.in_any | other.in_any,
            max(self.length, other.length),
            self.count + other.count,
        )

    def settled(self, xen: Release) -> Featureset:
        """The level, by the rules of a release. One host's own set, and no host's, stay as is."""
        if self.count < 2:
            return Featureset(self.in_any, self.length)
        bits = rules(xen.name).settle(self.in_all, self.in_any, self.length)
        return Featureset(bits, self.length)


def reduced(featuresets: Iterable[Featureset]) -> Reduction:
    """The reduction of hosts; sets without words are passed over.

    Time grows with the hosts only: 0.1 µs for each.
    """
    in_all, in_any, length, count = -1, 0, 0, 0
    for featureset in featuresets:
        if featureset.length:
            bits = featureset.bits
            in_all &= bits
            in_any |= bits
            count += 1
            if featureset.length > length:
                length = featureset.length
    return Reduction(in_all, in_any, length, count)


def level(featuresets: Iterable[Featureset], xen: Release) -> Featureset:
    """The level of any number of hosts, in one go; sets without words are passed over.

    No host: the featureset without words.
    """
    return reduced(featuresets).settled(xen)


__all__ = ["Reduction", "Rules", "combine", "level", "reduced", "rules"]
