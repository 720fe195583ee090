"""The level of a pool: the featureset that every host of it can give."""

from __future__ import annotations

from .featureset import Featureset


def combine(left: Featureset, right: Featureset) -> Featureset:
    """What both have, in as many words as the longer one; missing words read as zero.

    The featureset without words stands for "no host yet", so it is neutral: xapi starts the
    level of a pool with it (create_pool_cpuinfo in ocaml/xapi/create_misc.ml).
    """
    if not left.length:
        return right
    if not right.length:
        return left
    return left & right
