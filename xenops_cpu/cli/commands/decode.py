"""xenops-cpu decode: featuresets, or one word, bit by bit."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ...features import bits, meanings
from ...features.bits import Bit
from ...features.featureset import Featureset, FeaturesetError
from ...features.release import NEWEST, Release
from ...features.release import release as release_named
from ...inputs.argument import WHAT
from .. import OK, WRONG_USAGE, Failure, live, options, terminal
from ..arguments import add_release, read, release_for
from ..arguments import release as asked_release

if TYPE_CHECKING:
    from ...hosts.host import Host
    from ...inputs.value import Input

_EXAMPLES = """  xenops-cpu decode 1fc9cbf5-f6f83203-2fd3fbff         # by name, word by word
  xenops-cpu decode --xen 4.13 --style table 1fc9cbf5:f6f83203
  xenops-cpu decode "word 1 of 7ed8320b"               # one word alone
  xenops-cpu decode --word 1 7ed8320b
  xenops-cpu decode --style xen-cpuid --xen 4.17 1fc9cbf5-f6f83203
  xenops-cpu decode example:epyc-xen-4.17              # all sets of a host
  xenops-cpu decode xl-info.out                        # hw_caps of what xl info printed
  xenops-cpu decode --json 1fc9cbf5-f6f83203 | jq -r .sets[0].features[].name
"""

_MOST_NAMES = 3  # that a sentence has
_HW_CAPS = (
    "what this Xen uses of the CPU, words 0 to {last} alone, as it was when xl asked; the host set "
    "is made from it, and what a guest may see is in none of them (xen/arch/x86/sysctl.c "
    "arch_do_physinfo())"
)


class _Set(NamedTuple):
    """One set to show. `shown`: the word to show, all where None. `note`: what the words are, where
    the title does not say enough.
    """

    title: str
    featureset: Featureset
    release: Release
    shown: int | None = None
    note: str = ""


def parser() -> argparse.ArgumentParser:
    made = options.parser(
        "decode",
        f"Every bit of a featureset by name, leaf and register. FEATURESET is {WHAT}; or a "
        'phrase such as "word 1 of 7ed8320b".',
        _EXAMPLES,
    )
    made.add_argument(
        "featuresets", nargs="+", metavar="FEATURESET", help="or a host: all its sets"
    )
    add_release(made)
    made.add_argument(
        "--style",
        choices=("names", "table", "xen-cpuid"),
        default="names",
        help="names: word by word; table: a row for each bit; xen-cpuid: the text of that "
        "release's xen-cpuid, which reads FEATURESET by its own rules",
    )
    made.add_argument(
        "--word", type=int, metavar="N", help="only word N; a FEATURESET of one word is word N"
    )
    made.add_argument("--aliases", action="store_true", help="what others call each feature")
    made.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    live.add_options(made)
    return made


def run(arguments: argparse.Namespace) -> int:
    asked = asked_release(arguments)
    if arguments.style == "xen-cpuid" and not arguments.json:
        return _as_xen_cpuid(arguments.featuresets, asked)
    try:
        sets = list(_sets(arguments.featuresets, asked, arguments.word))
    except FeaturesetError as error:
        raise Failure(str(error), WRONG_USAGE) from error
    if not sets:
        raise Failure(_nothing(arguments.featuresets))
    if arguments.json:
        terminal.print_json({"sets": [document(one) for one in sets]})
        return OK
    for index, one in enumerate(sets):
        if index:
            terminal.line("")
        if arguments.style == "table":
            _table(one, arguments.aliases)
        else:
            _names(one, arguments.aliases)
    return OK


def _sets(texts: list[str], asked: Release | None, index: int | None) -> Iterator[_Set]:
    said = bits.phrase(" ".join(texts))
    if said is not None:
        xen = asked or release_named(NEWEST)
        yield _Set("", bits.word(said.index, said.value), xen, said.index)
        return
    for text in texts:
        found = read(text, one_word=True)
        for one in _of_input(found, asked):
            if index is None:
                yield one
            elif one.featureset.length == 1:
                value = bits.word(index, one.featureset.bits)
                xen = asked or release_named(NEWEST)
                yield one._replace(featureset=value, release=xen, shown=index)
            elif index < one.featureset.length:
                yield one._replace(shown=index)
            else:
                raise Failure(
                    f"word {index}: this featureset has words 0 to {one.featureset.length - 1}",
                    WRONG_USAGE,
                )


def _nothing(texts: Iterable[str]) -> str:
    """What was read instead of a featureset."""
    contents = "; ".join(f"{text}: {_contents(read(text, one_word=True))}" for text in texts)
    return f"there is no featureset to decode ({contents})"


def _contents(source: Input) -> str:
    parts = [f"{each.name}, a host without featuresets" for each in source.hosts]
    parts += [f"{vm.name}, a VM without a featureset" for vm in source.vms]
    return (
        ", ".join(parts[:_MOST_NAMES])
        + (f" and {len(parts) - _MOST_NAMES} more" if len(parts) > _MOST_NAMES else "")
        if parts
        else f"nothing of a host or a VM is in it ({source.kind})"
    )


def _of_input(found: Input, asked: Release | None) -> Iterator[_Set]:
    for each in found.hosts:
        yield from _of_host(each.host, each.name, asked)
    if found.hw_caps is not None:
        yield _of_hw_caps(found, found.hw_caps, asked)
    for vm in found.vms:
        if vm.features is not None:
            yield _Set(vm.name, vm.features, release_for(vm.features, asked))
    if found.featureset is not None and not found.vms:
        yield _Set("", found.featureset, release_for(found.featureset, asked))
    if found.policy is not None and found.featureset is None:
        from ...cpuid.words import policy_featureset

        xen = asked or release_named(NEWEST)
        yield _Set(found.name, policy_featureset(found.policy, xen), xen)


def _of_host(host: Host, name: str, asked: Release | None) -> Iterator[_Set]:
    from ...hosts.host import SETS, TITLES

    for key in SETS:
        title, featureset = TITLES[key][0], host.featuresets.named(key)
        if featureset is not None and featureset.length:
            yield _Set(f"{name}: {title}", featureset, asked or host.release)


def _of_hw_caps(xl_info: Input, words: Featureset, asked: Release | None) -> _Set:
    """Raises Failure where nobody says that the words are in the order of a featureset."""
    host, name = xl_info.hosts[0].host, xl_info.hosts[0].name
    if asked is None and not host.fit.certain:
        raise Failure(
            f"{xl_info.name}: hw_caps was printed by a Xen that is not known here "
            f"({host.xen.version}); before 4.7 the words had another order, of a newer one --xen "
            "says whose names are meant"
        )
    return _Set(
        f"{name}: hw_caps",
        words,
        asked or host.release,
        note=_HW_CAPS.format(last=words.length - 1),
    )


def _as_xen_cpuid(texts: Iterable[str], asked: Release | None) -> int:
    """Hosts in full, everything else as the tool would read it."""
    from ... import inputs
    from ...explain import xen_cpuid

    for text in texts:
        try:
            found = inputs.resolve(text)
        except inputs.InputError:
            found = None
        if found is not None and found.hw_caps is not None:
            words = _of_hw_caps(found, found.hw_caps, asked)
            text = str(words.featureset).replace("-", ":")
            sys.stdout.write(xen_cpuid.decode([text], words.release)[0])
            continue
        if found is not None and found.hosts:
            for each in found.hosts:
                sys.stdout.write(xen_cpuid.info(each.host, detail=True))
            continue
        printed, complaints = xen_cpuid.decode([text], asked or release_named(NEWEST))
        sys.stdout.write(printed)
        for complaint in complaints:
            print(complaint, file=sys.stderr)
    return OK


def _shown(one: _Set) -> Featureset:
    """The bits to show."""
    return one.featureset if one.shown is None else bits.only(one.featureset, one.shown)


def _bits(one: _Set) -> tuple[Bit, ...]:
    return bits.decode(_shown(one), one.release)


def _heading(one: _Set) -> str:
    number = len(_shown(one))
    count = f"{number} feature{'' if number == 1 else 's'}"
    length = one.featureset.length
    words = f"{length} word{'' if length == 1 else 's'}, " if one.shown is None else ""
    title = f"{one.title}: " if one.title else ""
    return f"{title}{words}{count}, as {one.release.title} names them"


def _names(one: _Set, aliases: bool) -> None:
    terminal.heading(_heading(one))
    numbers = list(_shown(one))
    for index, value in enumerate(one.featureset.words):
        mine = [number for number in numbers if number // 32 == index]
        if (one.shown is None and not mine) or (one.shown is not None and index != one.shown):
            continue
        place = str(one.release.words[index]) if index < one.release.length else "not known"
        terminal.line(f"word {index:<2} {place:<26} {value:08x}", "bold")
        if aliases:
            for bit in (bits.describe(number, one.release) for number in mine):
                terminal.paragraph(f"{bit.name}: {other_names(bit) or 'no other name'}", 8, 2)
        else:
            terminal.paragraph(meanings.brief(one.release, mine) or "none", 8)
    empty = [
        str(index)
        for index, value in enumerate(one.featureset.words)
        if not value and one.shown is None
    ]
    if empty:
        terminal.paragraph(f"nothing in word{'s' if len(empty) > 1 else ''} {', '.join(empty)}")
    _note(one)


def other_names(bit: Bit) -> str:
    """What others call it, each with who does."""
    return ", ".join(f"{speaker} {'/'.join(names)}" for speaker, names in bit.aliases.items())


def _table(one: _Set, aliases: bool) -> None:
    terminal.heading(_heading(one))
    last = "other names" if aliases else "what it is"
    terminal.table(
        ("name", "word:bit", "where", "guests", "since", last),
        (
            (
                bit.name,
                f"{bit.number // 32}:{bit.bit}",
                str(bit.word or "not known"),
                bit.annotation or "-",
                bit.since or "-",
                other_names(bit) if aliases else bit.meaning,
            )
            for bit in _bits(one)
        ),
    )
    _note(one)


def _note(one: _Set) -> None:
    if one.note:
        terminal.paragraph(f"note: {one.note}", hanging=6)


def document(one: _Set) -> dict[str, Any]:
    """For programs: docs/json.md."""
    from ...features.xen_cpuid_names import tool

    return {
        "title": one.title,
        "release": one.release.name,
        "featureset": str(one.featureset),
        "note": one.note,
        "words": [
            {
                "index": index,
                "value": f"{value:08x}",
                "name": one.release.words[index].name if index < one.release.length else None,
                "where": str(one.release.words[index]) if index < one.release.length else None,
            }
            for index, value in enumerate(one.featureset.words)
            if one.shown in (None, index)
        ],
        "features": [
            described(bit) | {"xen_cpuid": tool(one.release).name(bit.number)} for bit in _bits(one)
        ],
    }


def described(bit: Bit) -> dict[str, Any]:
    """One bit for programs: docs/json.md."""
    word = bit.word
    return {
        "name": bit.name,
        "number": bit.number,
        "word": bit.number // 32,
        "bit": bit.bit,
        "leaf": f"{word.leaf:08x}" if word and word.leaf is not None else None,
        "subleaf": word.subleaf if word else None,
        "register": word.register if word else None,
        "msr": f"{word.msr:08x}" if word and word.msr is not None else None,
        "half": word.half if word else None,
        "annotation": bit.annotation,
        "exposure": bit.exposure,
        "since": bit.since,
        "group": meanings.GROUPS[bit.group],
        "meaning": bit.meaning,
        "aliases": {speaker: list(names) for speaker, names in bit.aliases.items()},
    }
