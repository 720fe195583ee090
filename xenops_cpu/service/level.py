"""The level of two hosts: libxc's word where it has one, with ours to explain it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..features.featureset import Featureset
from ..features.release import Release

log = logging.getLogger(__name__)

Combine = Callable[[Featureset, Featureset], Featureset]


def level_of_two(
    left: Featureset, right: Featureset, xen: Release, libxc: Combine | None
) -> Featureset:
    """In as many words as the longer one. A set without words is no host yet: the other is it.

    Where `libxc` and our rules differ, libxc's answer counts (the toolstack of this host was tested
    with it), and the log has both.
    """
    from ..pools.levelling import combine  # most services are never asked

    ours = combine(left, right, xen)
    if libxc is None or not left.length or not right.length:
        return ours
    theirs = libxc(left, right)
    if theirs != ours:
        log.warning(
            "libxc levels otherwise than the rules of %s; answered as libxc does. Only in libxc's: "
            "%s; only in ours: %s. libxc: %s (%s); ours: %s (%s)",
            xen.title,
            " ".join(xen.names(theirs - ours)) or "none",
            " ".join(xen.names(ours - theirs)) or "none",
            *(theirs.text(":"), " ".join(xen.names(theirs))),
            *(ours.text(":"), " ".join(xen.names(ours))),
        )
    return theirs
