"""Fleets for tests: many made pools whose hosts differ in release, length and features."""

from __future__ import annotations

import random
from collections.abc import Iterator

from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import RELEASES, Release, release
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.member import Member, member_of_set

# What the last step of a level decides by; without them every made pool would be settled alike.
_TELLING = ("ARCH_CAPS", "RSBA", "RRSBA", "EIBRS", "MD_CLEAR", "FB_CLEAR", "XSAVE", "LM", "AVX")


def pools(count: int, seed: int = 1) -> Iterator[tuple[str, list[Member]]]:
    """So many pools by name, each of one to seven hosts, one in four of mixed releases."""
    dice = random.Random(seed)
    for number in range(count):
        xen = release(dice.choice(RELEASES))
        mixed = dice.random() < 0.25
        members = [
            _member(f"host-{place}", release(dice.choice(RELEASES)) if mixed else xen, dice)
            for place in range(dice.randint(1, 7))
        ]
        yield f"pool-{number}", members


def _member(name: str, xen: Release, dice: random.Random) -> Member:
    if dice.random() < 0.2:  # a set of nobody known: its release is assumed
        words = [dice.getrandbits(32) | 0x7FFFFFFF for _ in range(dice.choice((3, 4, 10, 18, 19)))]
        return member_of_set(Featureset.of_words(words), name, GuestType.HVM)
    guests = [GuestType.PV] if dice.random() < 0.2 else [GuestType.PV, GuestType.HVM]
    offers = {guest: _offer(guest, xen, dice) for guest in guests}
    return Member(name, "GenuineIntel", xen, offers, certain=dice.random() < 0.8)


def _offer(guest: GuestType, xen: Release, dice: random.Random) -> Offer:
    bits = (1 << xen.length * 32) - 1
    for _ in range(dice.randrange(12)):
        bits &= ~(1 << dice.randrange(xen.length * 32))
    for name in _TELLING:
        if name in xen.features and dice.random() < 0.3:
            bits &= ~(1 << xen.features[name].number)
    boot = Featureset(bits, xen.length)
    return Offer(guest, boot, boot)
