"""xenops-cpu explain: what a feature is, and on a host in which sets it is, and why."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ...explain.feature import Explanation, Place, explain
from ...features import aliases, meanings
from ...features.aliases import UnknownFeature
from ...features.release import NEWEST, Release
from ...features.release import release as release_named
from .. import OK, WRONG_USAGE, Failure, live, options, simulation, terminal
from ..arguments import derived_host
from ..arguments import release as asked_release
from . import decode

if TYPE_CHECKING:
    from ...derivation import Derivation, Reason
    from ...hosts.host import Host

_EXAMPLES = """  xenops-cpu explain HLE                               # what it is
  xenops-cpu explain libvirt:spec-ctrl                 # by others' names: xl, libvirt, linux
  xenops-cpu explain HLE on example:skylake-server-xen-4.17
  xenops-cpu explain RTM on cpu:xeon-gold-6240@4.17    # a simulated host: a reason for each set
  xenops-cpu explain RTM --cpu "Xeon Gold 6240" --xen 4.19 --xen-cmdline tsx=1
  xenops-cpu explain AVX,AVX2 on recorded:host-7.json --json

exit codes: 0 done, 2 wrong use or no such feature, 3 the host cannot be read
"""


def parser() -> argparse.ArgumentParser:
    made = options.parser(
        "explain",
        "What a feature is, what it rests on and, on a HOST, in which sets it is and why. FEATURE "
        "is Xen's name, or anybody's; several with commas. HOST is a file (docs/reading.md), the "
        "socket of a service, example:NAME, recorded:FILE, cpu:NAME[@RELEASE] or simulated.",
        _EXAMPLES,
    )
    made.add_argument("feature", metavar="FEATURE")
    made.add_argument("host", nargs="*", metavar="[on] HOST")
    made.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    simulation.add_options(made)
    live.add_options(made)
    return made


def run(arguments: argparse.Namespace) -> int:
    host, derivation, xen = _where(arguments)
    found = [
        explain(number, xen, host, derivation)
        for name in arguments.feature.split(",")
        for number in _numbers(name, xen)
    ]
    if arguments.json:
        terminal.print_json({"features": [document(one) for one in found]})
        return OK
    for index, one in enumerate(found):
        if index:
            terminal.line("")
        _show(one)
    for note in dict.fromkeys(note for one in found for note in one.notes):
        terminal.paragraph(f"note: {note}", 0, 6)
    return OK


def _where(arguments: argparse.Namespace) -> tuple[Host | None, Derivation | None, Release]:
    """The host to look at, if there is one, and whose names to use."""
    words = arguments.host[1:] if arguments.host[:1] == ["on"] else arguments.host
    if len(words) > 1 or arguments.host == ["on"]:
        raise Failure("FEATURE, or FEATURE on HOST", WRONG_USAGE)
    only_names = arguments.xen and not words and not _simulates(arguments)
    if not words and (not simulation.asked_for(arguments) or only_names):
        return None, None, asked_release(arguments) or release_named(NEWEST)
    if not words:
        from ...sources import SourceError

        try:
            host, derivation = simulation.source(arguments).explained()
        except SourceError as error:
            raise Failure(str(error)) from error
        return host, derivation, host.release
    if simulation.asked_for(arguments):
        raise Failure(f"{words[0]} is a host already: no --cpu, --xen, ...", WRONG_USAGE)
    of_host, behind = derived_host(words[0])
    return of_host, behind, of_host.release


def _simulates(arguments: argparse.Namespace) -> bool:
    """Whether more than --xen is given, which alone only says whose names to use."""
    return simulation.asked_for(argparse.Namespace(**{**vars(arguments), "xen": None}))


def _numbers(name: str, xen: Release) -> tuple[int, ...]:
    try:
        return aliases.find(name, xen)
    except UnknownFeature as error:
        raise Failure(str(error), WRONG_USAGE) from error


def _show(one: Explanation) -> None:
    bit, xen = one.bit, one.release
    terminal.heading(bit.name)
    if bit.meaning:
        terminal.paragraph(bit.meaning, 2)
    since = f"named since {_title(bit.since)}" if bit.since else "no Xen release names it"
    if bit.since and xen.feature(bit.number) is None:
        since += f", not by {xen.title}"
    rows = [
        ("where", f"{bit.place} (word {bit.number // 32}), {since}"),
        ("kind", meanings.GROUPS[bit.group]),
        ("guests", f"{bit.annotation or 'no annotation'}: {bit.exposure}"),
        ("needs", _named(xen, one.needs)),
        ("needed by", _named(xen, one.needed_by)),
        ("also", decode.other_names(bit)),
    ]
    for title, text in rows:
        if text:
            terminal.paragraph(f"{title + ':':<11}{text}", 2, 11)
    if one.tsx is not None:
        terminal.paragraph(f"{'TSX here:':<11}{', '.join(one.tsx.words)}", 2, 11)
        for sentence in one.tsx.sentences:
            terminal.paragraph(sentence, 13, 2)
    told: list[Reason] = []
    for name, place in one.places.items():
        _place(name, place, told)


def _named(xen: Release, numbers: tuple[int, ...]) -> str:
    names = [xen.label(number) for number in numbers if xen.feature(number) is not None]
    unnamed = len(numbers) - len(names)
    if unnamed:
        names.append(f"(and {unnamed} bits without a name)")
    return " ".join(names) or "nothing"


def _place(name: str, place: Place, told: list[Reason]) -> None:
    """A set, and what has not been told of it yet."""
    from ...hosts.host import TITLES

    said = {None: "not told", True: "yes", False: "no"}[place.present]
    style = {None: "", True: "green", False: "red"}[place.present]
    terminal.line(f"  {', '.join(TITLES[name])}: {said}", style)
    for reason in place.why:
        if reason not in told:
            told.append(reason)
            sign = "+" if reason.present else "-"
            terminal.paragraph(f"{sign} {reason.text} [{reason.step}]", 6, 2)
    if place.compatibility:
        terminal.paragraph(f"a compatibility bit: {place.compatibility}", 6, 2)


def _title(name: str) -> str:
    return release_named(name).title


def document(one: Explanation) -> dict[str, Any]:
    """docs/json.md has the schema."""
    xen = one.release
    return decode.described(one.bit) | {
        "release": xen.name,
        "needs": xen.names(one.needs),
        "needed_by": xen.names(one.needed_by),
        "tsx": list(one.tsx.words) if one.tsx is not None else None,
        "sets": {
            name: {
                "present": place.present,
                "why": [
                    {
                        "set": reason.set,
                        "step": reason.step,
                        "feature": xen.label(reason.feature),
                        "present": reason.present,
                        "text": reason.text,
                    }
                    for reason in place.why
                ],
                "compatibility": place.compatibility,
            }
            for name, place in one.places.items()
        },
        "notes": list(one.notes),
    }
