"""What a release writes: CHANGELOG.md, README.md, Debian's changelog, the RPM's spec.

Each function takes the text, the version and its date (YYYY-MM-DD) and gives the new text. Raises
ReleaseError where the text is not as expected, or has the version already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from types import MappingProxyType
from typing import Final

UNRELEASED: Final = "## [Unreleased]"
README_VERSION: Final = re.compile(r"(?<=\bthis is )\d+\.\d+(?=\.(\s|$))")
# Who signs the newest entry signs the next: deb-changelog(5), and the %changelog of a spec.
DEBIAN_SIGNATURE: Final = re.compile(r"^ -- ([^<\n]+ <[^>\n]+>)  ", re.MULTILINE)
SPEC_SIGNATURE: Final = re.compile(r"^\* \w{3} \w{3} \d\d \d{4} (.+) - ", re.MULTILINE)


class ReleaseError(ValueError):
    """A text that a release cannot be written into."""


def changelog(text: str, version: str, day: str) -> str:
    """What is unreleased gets the version and its date; an empty section stands above it."""
    if f"## [{version}]" in text:
        raise ReleaseError(f"CHANGELOG.md has a section for {version} already")
    before, heading, changes = text.partition(UNRELEASED + "\n")
    if not heading:
        raise ReleaseError(f"CHANGELOG.md has no section {UNRELEASED}")
    if not re.split(r"^## ", changes, maxsplit=1, flags=re.MULTILINE)[0].strip():
        raise ReleaseError(f"CHANGELOG.md has nothing under {UNRELEASED}")
    return f"{before}{heading}\n## [{version}] - {_date(day):%Y-%m-%d}\n{changes}"


def readme(text: str, version: str, day: str) -> str:
    """The version as the README has it, without the patch: 0.3 of 0.3.1."""
    _date(day)
    text, count = README_VERSION.subn(version.rpartition(".")[0], text)
    if count != 1:
        raise ReleaseError(f'README.md says {count} times "this is VERSION", and not once')
    return text


def debian(text: str, version: str, day: str) -> str:
    """An entry at the top of packaging/debian/changelog (deb-changelog(5))."""
    if f"({version}-" in text:
        raise ReleaseError(f"packaging/debian/changelog has {version} already")
    maintainer = _signed(text, DEBIAN_SIGNATURE, "packaging/debian/changelog")
    return (
        f"xenops-cpu ({version}-1) unstable; urgency=medium\n\n"
        f"  * Version {version}; /usr/share/doc/xenops-cpu/changelog.gz has what is new.\n\n"
        f" -- {maintainer}  {format_datetime(_date(day))}\n\n{text}"
    )


def spec(text: str, version: str, day: str) -> str:
    """The version, a first release of it, and an entry of the RPM's changelog."""
    if f"- {version}-1\n" in text:
        raise ReleaseError(f"packaging/rpm/xenops-cpu.spec has {version} already")
    weekday, number, month, year = format_datetime(_date(day)).replace(",", "").split()[:4]
    maintainer = _signed(text, SPEC_SIGNATURE, "packaging/rpm/xenops-cpu.spec")
    entry = (
        f"* {weekday} {month} {number} {year} {maintainer} - {version}-1\n"
        f"- Version {version}; CHANGELOG.md has what is new.\n"
    )
    for pattern, line in (
        (r"^%global usver .*$", f"%global usver {version}"),
        (r"^%global xsver .*$", "%global xsver 1"),
        (r"^%changelog\n", f"%changelog\n{entry}\n"),
    ):
        text, count = re.subn(pattern, line, text, flags=re.MULTILINE)
        if count != 1:
            raise ReleaseError(f"packaging/rpm/xenops-cpu.spec has {count} lines {pattern}")
    return text


def _signed(text: str, signature: re.Pattern[str], path: str) -> str:
    entry = signature.search(text)
    if entry is None:
        raise ReleaseError(f"{path} has no entry whose signature could be taken for the new one")
    return entry[1]


def _date(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time.min, UTC)
    except ValueError as error:
        raise ReleaseError(f'"{text}" is no date ({error})') from error


TEXTS: Final[Mapping[str, Callable[[str, str, str], str]]] = MappingProxyType(
    {
        "CHANGELOG.md": changelog,
        "README.md": readme,
        "packaging/debian/changelog": debian,
        "packaging/rpm/xenops-cpu.spec": spec,
    }
)
