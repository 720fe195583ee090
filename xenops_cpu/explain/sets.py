"""What differs between two featuresets."""

from __future__ import annotations

from attrs import frozen

from ..features.featureset import Featureset
from ..features.release import Release


@frozen
class SetDifference:
    """Two featuresets; `release` names the bits. A missing word reads as zero."""

    a: Featureset
    b: Featureset
    release: Release

    @property
    def only_in_a(self) -> Featureset:
        return self.a - self.b

    @property
    def only_in_b(self) -> Featureset:
        return self.b - self.a

    @property
    def same(self) -> bool:
        """The same features; lengths may differ."""
        return self.a.bits == self.b.bits

    def names(self, features: Featureset) -> list[str]:
        return self.release.names(features)
