"""Which microcode a person wishes a CPU to have: a word, a revision, a date, a package.

`newest` (public), `as-dumped`; `0x5003605`; `2023`, `2023-08`, `2023-08-08`; `microcode-20230808`
(Intel's public package), a package of a distribution (`intel-microcode-20230720-1`), or the
distribution's release (`xcp-ng-8.3`: its newest package known here).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from attrs import frozen

from ..cpuid.identity import INTEL
from ..errors import InputError
from . import microcode
from .silicon import Silicon
from .timeline import Line, Package, Release

FORMS: Final = (
    "newest, as-dumped, a revision (0x5003605), a date (2023-08), a package "
    "(microcode-20230808, intel-microcode-20230720-1) or a distribution's release (xcp-ng-8.3)"
)

_DATE = re.compile(r"(?:19|20)\d\d(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?")
_PACKED_DATE = re.compile(r"(?:microcode-)?(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_REVISION = re.compile(r"(?:0x)?[0-9a-f]{1,8}")


class WishError(InputError):
    """A wish that is not one, or that no microcode of the CPU fulfils."""


@frozen
class Wish:
    """`kind`: newest, as-dumped, revision, until (a date) or package. `text`: as typed."""

    kind: str
    text: str
    revision: int = 0
    until: str = ""


NEWEST: Final = Wish("newest", "newest")
AS_DUMPED: Final = Wish("as-dumped", "as-dumped")


def parse(text: str) -> Wish:
    """Read a wish, in any case. Raises WishError.

    Digits that can be a day or a year are one, and no revision: that begins with 0x then.
    """
    word = text.strip().lower()
    if word in ("newest", "as-dumped"):
        return Wish(word, word)
    if _DATE.fullmatch(word):
        return Wish("until", word, until=word)
    packed = _PACKED_DATE.fullmatch(word)
    if packed:
        return Wish("until", word, until="-".join(packed.groups()))
    if _REVISION.fullmatch(word):
        return Wish("revision", word, revision=int(word, 16))
    if _packages(word):
        return Wish("package", word)
    raise WishError(f'"{text}" is no microcode to wish for; right are {FORMS}')


def is_wish(text: str) -> bool:
    try:
        parse(text)
    except WishError:
        return False
    return True


def _packages(text: str) -> list[Package]:
    """The packages that a text names, newest first: one by its name, or a distribution's."""
    return [
        package for package in microcode.packages() if text in (package.name, package.distribution)
    ]


class Choice(NamedTuple):
    """What a wish comes to. `revision` None: the words as dumped. `how`: for people."""

    revision: int | None
    release: Release | None
    how: str


def choose(
    wish: Wish, silicon: Silicon, line: Line, base: int | None = None, fallback: int | None = None
) -> Choice:
    """The revision of `line` that a wish means, on a machine whose firmware brings `base`.

    `fallback`: an older revision in the same package, for firmware too old for the newer one.
    Raises WishError where nothing fulfils the wish.
    """
    match wish.kind:
        case "as-dumped":
            return Choice(None, None, "")
        case "revision":
            release = line.release(wish.revision)
            how = "as asked" if release else "as asked, not among the releases known here"
            return Choice(wish.revision, release, how)
        case "newest":
            released, how = line.public(), f"the newest public (as of {microcode.as_of()})"
            if not released:
                return Choice(None, None, "no public microcode is known")
            base = _kept(silicon, line, released[-1], base)
        case "until":
            released, how = line.public(wish.until), f"the newest public of {wish.until}"
        case _:
            released, how = _of_package(wish.text, silicon, line)
    if not released:
        raise WishError(_too_early(wish.text, line))
    return _loaded(released[-1], line, base, fallback, how)


def _kept(silicon: Silicon, line: Line, newest: Release, base: int | None) -> int | None:
    """What firmware brings: without a word on it, at least what a newer dump shows it had."""
    dumped = silicon.revision
    if base is None and dumped is not None and _newer(dumped, newest, line):
        return dumped
    return base


def _newer(revision: int, than: Release, line: Line) -> bool:
    known = line.release(revision)
    return known.built > than.built if known is not None else revision > than.revision


def _loaded(
    release: Release, line: Line, base: int | None, fallback: int | None, how: str
) -> Choice:
    """What runs where `release` is to be loaded over firmware's revision.

    Microcode is never replaced by an older one, nor by one that asks for newer firmware; then it is
    the older one of the same package, or firmware's own that runs.
    """
    if base is None:
        return Choice(release.revision, release, how)
    if release.base is not None and base < release.base:
        revision = max(base, fallback or 0)
        why = f"for {release.revision:08x} loads only over {release.base:08x} or newer"
        return Choice(revision, line.release(revision), why)
    if _newer(base, release, line):
        why = f"from firmware, newer than the public {release.revision:08x}"
        return Choice(base, line.release(base), why)
    return Choice(release.revision, release, how)


def _of_package(text: str, silicon: Silicon, line: Line) -> tuple[list[Release], str]:
    """What a distribution's package has for a CPU: what is known of it, else by its date."""
    intel = silicon.dumped.vendor == INTEL
    named = [package for package in _packages(text) if package.name.startswith("intel") == intel]
    if not named:
        vendor = silicon.dumped.vendor
        raise WishError(f"which microcode {text} has for {vendor} CPUs is not known here")
    package = named[0]
    earlier = {
        other.name
        for other in microcode.packages()
        if other.distribution == package.distribution and other.shipped <= package.shipped
    }
    releases = [r for r in line.public() if earlier.intersection(r.packages)]
    if package.public:
        releases += line.public(package.public)
    if not releases and not package.public:
        raise WishError(f"which public release {package.name} has is not known here")
    return sorted(releases, key=lambda r: r.revision), f"as {package.name} has it"


def _too_early(text: str, line: Line) -> str:
    released = line.public()
    if not released:
        return f"no public microcode of this CPU is known, so none for {text}"
    first = released[0]
    return (
        f"no microcode of this CPU was public by {text}: "
        f"the first is {first.revision:08x} of {first.date}"
    )
