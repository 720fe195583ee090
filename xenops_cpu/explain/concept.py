"""A concept on a host: which of its features are in which sets, and of a leak, what they say.

What features say is not all that there is: a CPU may be of a kind that its vendor lists as safe
without any bit, and whether Xen uses what helps is in its log. So nothing here is called safe but
what a feature, or another vendor's name, says to be so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from attrs import frozen

from ..derivation import Derivation
from ..features.concepts import LEAK, Concept
from ..features.featureset import WORD_BITS, Featureset
from ..features.release import NEWEST, release
from ..hosts.host import Host
from ..hosts.offer import offer
from ..interface import GuestType
from .tsx import tsx

# Where a feature is looked for, by what people call it.
PLACES = ("raw", "host", "pv_boot", "hvm_boot", "pv_migration", "hvm_migration")

# Migration sets say nothing of a CPU: Xen takes bits in there that its host does not have.
_OF_CPU = ("raw", "host", "pv_boot", "hvm_boot")
_VENDORS = {"Intel": ("GenuineIntel",), "AMD": ("AuthenticAMD", "HygonGenuine")}
_TSX = "TSX"


class Standing(Enum):
    """How a host stands to a leak, as far as features tell."""

    OTHER_VENDOR = "another vendor's"
    NOT_OPEN = "not open"
    NOTHING_TO_LEAK = "nothing to leak through"
    HELPED = "something against it is there"
    OPEN = "open"
    NOT_TOLD = "not told"


@frozen
class OnHost:
    """`places`: by feature, then by PLACES: in it, not in it, or None where nobody tells.

    `standing`: of a leak, else None. `sentences`: the same for people.
    """

    host: Host
    places: Mapping[str, Mapping[str, bool | None]]
    standing: Standing | None
    sentences: tuple[str, ...]


def on_host(concept: Concept, host: Host, derivation: Derivation | None = None) -> OnHost:
    """What a host's sets say of a concept. `derivation`: the one behind a simulated host."""
    sets = _sets(host)
    places = {
        name: {place: _present(name, host, featureset) for place, featureset in sets.items()}
        for name in concept.features
    }
    standing: Standing | None = None
    sentences: tuple[str, ...] = ()
    if concept.kind == LEAK:
        standing, sentence = _standing(concept, host, places)
        sentences = (sentence,)
    if concept.name == _TSX:
        sentences = (*sentences, *tsx(host, derivation).sentences)
    return OnHost(host, places, standing, sentences)


def _sets(host: Host) -> dict[str, Featureset]:
    pv, hvm = offer(host, GuestType.PV), offer(host, GuestType.HVM)
    sets = (
        *(host.featuresets.raw, host.featuresets.host),
        *(pv.boot, hvm.boot, pv.migration, hvm.migration),
    )
    return dict(zip(PLACES, sets, strict=True))


def _present(name: str, host: Host, featureset: Featureset) -> bool | None:
    """Whether a set has a feature; None for a word that it was not told with."""
    features = host.release.features
    feature = features.get(name) or release(NEWEST).features.get(name)
    if feature is None or feature.number >= featureset.length * WORD_BITS:
        return None
    return feature.number in featureset


def _standing(
    concept: Concept, host: Host, places: Mapping[str, Mapping[str, bool | None]]
) -> tuple[Standing, str]:
    known = [vendor for name in concept.vendors for vendor in _VENDORS[name]]
    if known and host.vendor and host.vendor not in known:
        return (
            Standing.OTHER_VENDOR,
            f"no concern here: only CPUs of {' and '.join(concept.vendors)} are known to have "
            f"it, and this one is {host.vendor}",
        )

    def anywhere(name: str) -> bool | None:
        """In a set that tells of the CPU: xapi's records have those of new guests only."""
        answers = [places[name][place] for place in _OF_CPU]
        return True if True in answers else False if False in answers else None

    for group in concept.safe:
        if all(anywhere(name) for name in group):
            return Standing.NOT_OPEN, f"not open to it: {_and(group)} {_says(group)} so"
    of_cpu = [places[name][place] for name in concept.needs for place in ("raw", "host")]
    if of_cpu and False in of_cpu and True not in of_cpu:
        return (
            Standing.NOTHING_TO_LEAK,
            f"nothing to leak through as the CPU stands: Xen sees no {_or(concept.needs)}",
        )
    helping = [name for name in concept.helps if anywhere(name)]
    if helping:
        return (
            Standing.HELPED,
            f"something against it is there ({', '.join(helping)}); whether Xen uses it is in its "
            "log: xl dmesg, under 'Speculative mitigation facilities'",
        )
    features = [*(name for group in concept.safe for name in group), *concept.helps]
    if not features or all(anywhere(name) is None for name in features):
        return Standing.NOT_TOLD, "not told: what this host tells has no bit that says"
    names = _or(features)
    return (
        Standing.OPEN,
        f"take it as open: there is no {names}, unless the vendor lists this CPU as safe "
        "without such a bit",
    )


def _says(names: Iterable[str]) -> str:
    return "says" if len(tuple(names)) == 1 else "say"


def _and(names: Iterable[str]) -> str:
    return " and ".join(names)


def _or(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
