"""What a level has more and less than what a host gives at boot, and the bits that say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from ...cpuid.policy import NO_SUBLEAF
from ...errors import Error
from ...features.featureset import WORD_BITS, Featureset
from ...features.release import RELEASES, Release
from ...guests.strings import ONE_BY_ONE, X_IS_MAX
from ...interface import GuestType
from ..member import Member

_DERIVED_SINCE = RELEASES.index("4.13")


class EmitError(Error):
    """The level cannot be given by that text; the message names the features, host and way out."""


@frozen
class Difference:
    """What a level has less and more than `base`, what the host gives at boot, and whose names.

    `most`: what a guest of the host may have at most, None where it is not known.
    """

    release: Release = field(repr=False)
    base: Featureset
    level: Featureset
    most: Featureset | None = None

    @property
    def off(self) -> Featureset:
        return self.base - self.level

    @property
    def on(self) -> Featureset:
        return self.level - self.base

    def without(self, numbers: Featureset) -> Difference:
        """The same, saying nothing of these features."""
        return evolve(self, base=(self.base - numbers) | (self.level & numbers))

    @property
    def values(self) -> Mapping[int, bool]:
        """What has to be off and on, by feature number."""
        return dict.fromkeys(self.off, False) | dict.fromkeys(self.on, True)


def base(hosts: Sequence[Member], guest: GuestType, level: Featureset) -> Featureset:
    """What the text starts from so that it gives the level on each of the hosts.

    What any of them gives and the level has not is to be switched off; what the level has and one
    of them does not give (an OR-ed feature) is to be switched on.
    """
    some, every = Featureset(0, level.length), level
    for host in hosts:
        some, every = some | host.boot(guest), every & host.boot(guest)
    return (some - level) | every


def written(difference: Difference, values: Mapping[int, bool]) -> dict[int, bool]:
    """`values`, and what has to be said with them so that they change nothing else.

    A register that a text touches is set as a whole: a bit that it does not name is what the
    default policy has, up to 4.15 what the *maximum* has, which is more than the level. So there
    each feature of such a register that a guest may have and the level has not is written; in 4.13
    and before each one of the leaf, whose other registers are set from the maximum as well.
    """
    xen = difference.release
    if not x_is_max(xen):
        return dict(values)
    places = {_place(xen, number) for number in values}
    most = difference.most
    if most is None:
        most = xen.masks["pv_max"] | xen.masks["hvm_hap_max"] | xen.masks["special"]
    wishes = dict(values)
    for number in most - difference.level:
        if in_leaf(xen, number) and _place(xen, number) in places:
            wishes.setdefault(number, False)
    return wishes


def x_is_max(xen: Release) -> bool:
    """Whether an `x` in a string stands for the maximum (libxc up to 4.15)."""
    if xen.place < _DERIVED_SINCE:
        return True
    return xen.name in _span(X_IS_MAX)


def leaf_at_once(xen: Release) -> bool:
    """Whether libxc sets all registers of a leaf when one is named (4.13 and before)."""
    return xen.place < _DERIVED_SINCE or xen.name in _span(ONE_BY_ONE)


def _span(text: str) -> frozenset[str]:
    from ...derivation.releases import span

    return span(text)


def in_leaf(xen: Release, number: int) -> bool:
    """Whether a feature stands in a leaf of CPUID; else it is a register's, or no word's."""
    index = number // WORD_BITS
    return index < xen.length and xen.words[index].leaf is not None


def leaf_of(xen: Release, number: int) -> tuple[int, int]:
    """The leaf and subleaf, NO_SUBLEAF for none, of a feature that stands in one."""
    word = xen.words[number // WORD_BITS]
    assert word.leaf is not None
    return word.leaf, NO_SUBLEAF if word.subleaf is None else word.subleaf


def _place(xen: Release, number: int) -> object:
    """What libxc sets at once with a feature's bit."""
    if not in_leaf(xen, number) or not leaf_at_once(xen):
        return number // WORD_BITS
    return leaf_of(xen, number)
