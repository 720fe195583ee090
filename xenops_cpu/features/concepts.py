"""Words that are no feature and that people ask for: MDS, TSX, levelling. What they are, which
features belong to them, and what those features say of a host's CPU.

data/concepts.ini has them, with the source of each; its head describes its format.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from .. import data_files
from .meanings import meanings

LEAK, ABILITY, IDEA = "leak", "ability", "idea"
KINDS = (LEAK, ABILITY, IDEA)

_GROUP = "@"  # before a group of meanings.txt
_BOTH = "+"  # between features that count only together
_LISTS = ("safe", "needs", "helps", "features")  # the values that have features


class Concept(NamedTuple):
    """One word. `names`: as it is written first, then what else it is called.

    `kind`: of KINDS. `features`: all that belong to it, by Xen's names, in the order of the file.
    Of a leak, `safe`: groups of names; where a host has all of one, it is not open to it. `needs`:
    without any of these there is nothing to leak through. `helps`: any of these shows that
    something against it is there. `vendors`: whose CPUs can have it, empty for everybody's.
    `commands`: to see more. `sources`: where the facts are from.
    """

    names: tuple[str, ...]
    title: str
    kind: str
    text: str
    features: tuple[str, ...] = ()
    safe: tuple[tuple[str, ...], ...] = ()
    needs: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As people write it."""
        return self.names[0]


def find(text: str) -> Concept | None:
    """The concept that a word means, in any case, with or without blanks and hyphens."""
    return _by_name().get(_key(text))


def close(text: str) -> tuple[str, ...]:
    """Names of concepts that a mistyped word is close to, the closest first."""
    import difflib

    keys = difflib.get_close_matches(_key(text), _by_name(), cutoff=0.75)
    return tuple(dict.fromkeys(_by_name()[key].name for key in keys))


def about(feature: str) -> tuple[Concept, ...]:
    """The concepts that a feature belongs to, by Xen's name."""
    sections = _sections(data_files.read_text("concepts.ini"))
    named = (
        _concept(name, values)
        for name, values in sections.items()
        if any(feature in text or _GROUP in text for text in map(values.get, _LISTS) if text)
    )
    return tuple(concept for concept in named if feature in concept.features)


@cache
def concepts() -> tuple[Concept, ...]:
    """All, in the order of data/concepts.ini."""
    sections = _sections(data_files.read_text("concepts.ini"))
    return tuple(_concept(name, values) for name, values in sections.items())


def _sections(text: str) -> dict[str, dict[str, str]]:
    """By name, each with its values by key; configparser is not loaded for it."""
    sections: dict[str, dict[str, str]] = {}
    values: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            values = sections[line.strip("[]")] = {}
        elif line.startswith(" "):  # goes on
            values[key] += f"\n{line.strip()}"
        else:
            key, _, value = line.partition(" = ")
            values[key] = value
    return sections


def _concept(name: str, values: Mapping[str, str]) -> Concept:
    safe = tuple(tuple(part.split(_BOTH)) for part in _listed(values.get("safe")))
    needs = _listed(values.get("needs"))
    helps = _listed(values.get("helps"))
    features = (
        *(feature for group in safe for feature in group),
        *needs,
        *helps,
        *_members(_listed(values.get("features"))),
    )
    return Concept(
        names=(name, *_listed(values.get("also"))),
        title=values["title"],
        kind=values["kind"],
        text=" ".join(values["text"].split()),
        features=tuple(dict.fromkeys(features)),
        safe=safe,
        needs=needs,
        helps=helps,
        vendors=_listed(values.get("vendors")),
        commands=tuple(line.strip() for line in values.get("try", "").splitlines()),
        sources=_listed(values["source"], ";"),
    )


def _members(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name.startswith(_GROUP):
            yield from (f for f, meaning in meanings().items() if meaning.group == name[1:])
        else:
            yield name


def _listed(text: str | None, separator: str = ",") -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator)) if text else ()


@cache
def _by_name() -> dict[str, Concept]:
    return {_key(name): concept for concept in concepts() for name in concept.names}


def _key(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text).lower()
