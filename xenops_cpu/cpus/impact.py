"""What a microcode update means for guests under a release of Xen: both states derived, compared.

The words of CPUID are not what guests see: TSX_CTRL appears and RTM goes, GDS_CTRL appears and AVX
stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ..derivation import SETS, Options, derive
from ..features.featureset import Featureset
from ..features.release import Release
from .params import options_of
from .running import Running
from .updates import Update


@frozen
class Impact:
    """`gained`, `lost`: features by set (raw, host, pv_max, ..., hvm_default) that differ.

    A set that the release does not have is not there.
    """

    update: Update
    xen: Release
    gained: Mapping[str, Featureset] = field(repr=False)
    lost: Mapping[str, Featureset] = field(repr=False)

    def words(self, name: str) -> str:
        """Of a set, `+ GDS_NO, − RTM`; "" where nothing changes. KeyError for a set not there."""
        signs = (("+", self.gained[name]), ("−", self.lost[name]))
        return ", ".join(
            f"{sign} {feature}" for sign, bits in signs for feature in self.xen.names(bits)
        )


def impact(update: Update, xen: Release, options: Options | None = None) -> Impact:
    """What guests gain and lose by an update. `options`: how Xen is started, on what machine.

    Raises DerivationError for a release that cannot be derived, CommandLineError.
    """
    before = _sets(update.before, xen, options)
    after = _sets(update.after, xen, options)
    return Impact(
        update,
        xen,
        {name: after[name] - before[name] for name in before},
        {name: before[name] - after[name] for name in before},
    )


def _sets(state: Running, xen: Release, options: Options | None) -> dict[str, Featureset]:
    """The sets that there are, of a CPU at a revision with what is known of its machine."""
    derivation = derive(state.cpu, xen, options_of(state.params, options))
    sets = ((name, derivation.featuresets[name]) for name in SETS)
    return {name: featureset for name, featureset in sets if featureset is not None}
