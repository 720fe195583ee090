"""Where in Xen's source a step stands: files are split, functions renamed, as releases go by.

A place is text: `FILE function(), function()`, further files behind `;`. A file is below
xen/arch/x86/ unless it starts with xen/ or tools/. scripts/check-sources holds every place to a
Xen tree.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from .releases import span


@frozen
class Source:
    """`usual`: the place in most releases. `elsewhere`: a span of releases (see releases) -> the
    place there; no release is in two of the spans.
    """

    usual: str
    elsewhere: Mapping[str, str] = field(factory=dict)

    def of(self, release: str) -> str:
        """The place in a release (its canonical name)."""
        for releases, place in self.elsewhere.items():
            if release in span(releases):
                return place
        return self.usual

    def among(self, releases: frozenset[str]) -> str:
        """For people: the place in these releases, and in which of them it is another one."""
        others = {key: text for key, text in self.elsewhere.items() if span(key) & releases}
        usual = any(self.of(name) == self.usual for name in releases)
        places = [f"{key}: {text}" for key, text in others.items()]
        return "; ".join((self.usual, *places) if usual else others.values())


def policies(functions: str) -> Source:
    """In the file that makes Xen's policies. The tips of the stable branches from 4.14 on have
    cpu-policy.c, which was split off cpuid.c.
    """
    return Source(f"cpu-policy.c {functions}", {"4.13 xsr": f"cpuid.c {functions}"})
