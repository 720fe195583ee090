"""What a mistyped name may have been meant as: names that are near, or stand behind a prefix."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

_MOST = 3
# A folder may have any number of files; a slip of the finger is found among the first.
_MAX_FILES = 2_000


def near(text: str, names: Iterable[str]) -> list[str]:
    """The names that a person may have meant, at most three, the nearest first; in any case."""
    import difflib

    by_key: dict[str, str] = {}
    for name in names:
        by_key.setdefault(_key(name), name)
    key = _key(text)
    if len(key) > 200:
        return []
    close = difflib.get_close_matches(key, by_key, _MOST, cutoff=0.7)
    begun = [] if len(key) < 3 else [other for other in by_key if key in other]
    return [by_key[other] for other in dict.fromkeys((*close, *begun))][:_MOST]


def listed(text: str, names: Sequence[str], most: int = 10) -> str:
    """`there are A, B and 3 more`, for a name that is not there; where not all can be listed, those
    that are near it come first.
    """
    ordered = list(dict.fromkeys((*(near(text, names) if len(names) > most else ()), *names)))
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return f"there are {', '.join(ordered[:most])}{more}"


def arguments(text: str) -> list[str]:
    """What may be typed instead of a text that names nothing: files beside, hosts and CPUs that
    come with the package.
    """
    folder, name = os.path.split(text)
    files = near(name, _files(folder or "."))
    if folder:
        return [os.path.join(folder, file) for file in files]
    return [*files, *(f"example:{name}" for name in near(text, _examples())), *_cpus(text)][:_MOST]


def _key(name: str) -> str:
    return " ".join(name.lower().split())


def _files(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= _MAX_FILES:
                    return
                yield entry.name
    except (OSError, ValueError):
        return


def _examples() -> Sequence[str]:
    from ..sources.recorded import examples

    return list(examples())


def _cpus(text: str) -> Iterator[str]:
    """With its release, if one was typed."""
    from ..cpus import shipped

    name, at, release = text.partition("@")
    yield from (f"cpu:{each}{at}{release}" for each in near(name, shipped.catalogue()))
