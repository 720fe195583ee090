"""The features that are in a pool's level as soon as one host has them: OR-ed, not AND-ed."""

from __future__ import annotations

from ..features.featureset import Featureset
from ..features.release import Release

# Releases without the mask. XenServer's libxc on 4.17 has the first four; Xen 4.15 is the first
# whose max policies take in the VERW features from hosts that differ (`!` in cpufeatureset.h), so
# before it an OR-ed bit would only keep the VM out of the hosts that lack it.
_UNMARKED = ("MD_CLEAR", "FB_CLEAR", "RFDS_CLEAR", "NO_LMSL")
# Came to 4.17 and 4.18 with the fixes for TSA, after libxc's list was written.
_UNMARKED_LATER = ("VERW_CLEAR",)


def ored(xen: Release) -> tuple[str, ...]:
    """The names of the features that are OR-ed across a pool of this release, in bit order.

    The release's own mask where it has one. Without it (up to 4.18): from 4.15, the four of
    XenServer's libxc and VERW_CLEAR, as far as the release knows them; none before.
    """
    return tuple(xen.names(Featureset(ored_bits(xen, later=True), xen.length)))


def ored_bits(xen: Release, later: bool) -> int:
    """The same as bits. `later` False: what libxc's code OR-s, not more."""
    if "simple_or" in xen.masks:
        return xen.masks["simple_or"].bits
    if "!" not in xen.features["MD_CLEAR"].annotation:
        return 0
    names = _UNMARKED + _UNMARKED_LATER if later else _UNMARKED
    return sum(1 << xen.features[name].number for name in names if name in xen.features)
