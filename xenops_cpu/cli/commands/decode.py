"""xenops-cpu decode: featuresets, or one word, bit by bit."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ...features import meanings, phrases
from ...features.featureset import Featureset, FeaturesetError
from ...features.release import NEWEST, Release
from ...features.release import release as release_named
from ...inputs.argument import WHAT
from .. import OK, WRONG_USAGE, Failure, command_line, live, terminal
from ..arguments import add_release, read, release_for
from ..arguments import release as asked_release

if TYPE_CHECKING:
    from ...features.bits import Bit
    from ...hosts.host import Host
    from ...inputs.value import Input
else:  # named tuples have a type for each field, and these are imported late
    Bit = Host = Input = object

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
    command = command_line.parser(
        "decode",
        f"Every bit of a featureset by name, leaf and register. FEATURESET is {WHAT}; or a "
        'phrase such as "word 1 of 7ed8320b".',
        _EXAMPLES,
    )
    command.add_argument(
        "featuresets", nargs="+", metavar="FEATURESET", help="or a host: all its sets"
    )
    add_release(command)
    command.add_argument(
        "--style",
        choices=("names", "table", "xen-cpuid"),
        default="names",
        help="names: word by word; table: a row for each bit; xen-cpuid: the text of that "
        "release's xen-cpuid, which reads FEATURESET by its own rules",
    )
    command.add_argument(
        "--word", type=int, metavar="N", help="only word N; a FEATURESET of one word is word N"
    )
    command.add_argument("--aliases", action="store_true", help="what others call each feature")
    command.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    live.add_options(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    release = asked_release(arguments)
    if arguments.style == "xen-cpuid" and not arguments.json:
        return _as_xen_cpuid(arguments.featuresets, release)
    try:
        sets = list(_sets(arguments.featuresets, release, arguments.word))
    except FeaturesetError as error:
        raise Failure(str(error), WRONG_USAGE) from error
    if not sets:
        raise Failure(_nothing(arguments.featuresets))
    if arguments.json:
        terminal.print_json({"sets": [document(decoded) for decoded in sets]})
        return OK
    for index, decoded in enumerate(sets):
        if index:
            terminal.line("")
        if arguments.style == "table":
            _table(decoded, arguments.aliases)
        else:
            _names(decoded, arguments.aliases)
    return OK


def _sets(texts: list[str], release: Release | None, index: int | None) -> Iterator[_Set]:
    phrase = phrases.phrase(" ".join(texts))
    if phrase is not None:
        xen = release or release_named(NEWEST)
        yield _Set("", phrases.word(phrase.index, phrase.value), xen, phrase.index)
        return
    for text in texts:
        source = read(text, one_word=True)
        for decoded in _of_input(source, release):
            if index is None:
                yield decoded
            elif decoded.featureset.length == 1:
                value = phrases.word(index, decoded.featureset.bits)
                xen = release or release_named(NEWEST)
                yield decoded._replace(featureset=value, release=xen, shown=index)
            elif index < decoded.featureset.length:
                yield decoded._replace(shown=index)
            else:
                raise Failure(
                    f"word {index}: this featureset has words 0 to {decoded.featureset.length - 1}",
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


def _of_input(source: Input, release: Release | None) -> Iterator[_Set]:
    for each in source.hosts:
        yield from _of_host(each.host, each.name, release)
    if source.hw_caps is not None:
        yield _of_hw_caps(source, source.hw_caps, release)
    for vm in source.vms:
        if vm.features is not None:
            yield _Set(vm.name, vm.features, release_for(vm.features, release))
    if source.featureset is not None and not source.vms:
        yield _Set("", source.featureset, release_for(source.featureset, release))
    if source.policy is not None and source.featureset is None:
        from ...cpuid.words import policy_featureset

        xen = release or release_named(NEWEST)
        yield _Set(source.name, policy_featureset(source.policy, xen), xen)


def _of_host(host: Host, name: str, release: Release | None) -> Iterator[_Set]:
    from ...hosts.host import SETS, TITLES

    for key in SETS:
        title, featureset = TITLES[key][0], host.featuresets.named(key)
        if featureset is not None and featureset.length:
            yield _Set(f"{name}: {title}", featureset, release or host.release)


def _of_hw_caps(xl_info: Input, words: Featureset, release: Release | None) -> _Set:
    """Raises Failure where nobody says that the words are in the order of a featureset."""
    host, name = xl_info.hosts[0].host, xl_info.hosts[0].name
    if release is None and not host.fit.certain:
        raise Failure(
            f"{xl_info.name}: hw_caps was printed by a Xen that is not known here "
            f"({host.xen.version}); before 4.7 the words had another order, of a newer one --xen "
            "says whose names are meant"
        )
    return _Set(
        f"{name}: hw_caps",
        words,
        release or host.release,
        note=_HW_CAPS.format(last=words.length - 1),
    )


def _as_xen_cpuid(texts: Iterable[str], release: Release | None) -> int:
    """Hosts in full, everything else as the tool would read it."""
    from ... import inputs
    from ...explain import xen_cpuid

    for text in texts:
        try:
            source = inputs.resolve(text)
        except inputs.InputError:
            source = None
        if source is not None and source.hw_caps is not None:
            words = _of_hw_caps(source, source.hw_caps, release)
            text = str(words.featureset).replace("-", ":")
            sys.stdout.write(xen_cpuid.decode([text], words.release)[0])
            continue
        if source is not None and source.hosts:
            for each in source.hosts:
                sys.stdout.write(xen_cpuid.info(each.host, detail=True))
            continue
        printed, complaints = xen_cpuid.decode([text], release or release_named(NEWEST))
        sys.stdout.write(printed)
        for complaint in complaints:
            print(complaint, file=sys.stderr)
    return OK


def _shown(decoded: _Set) -> Featureset:
    """The bits to show."""
    return (
        decoded.featureset
        if decoded.shown is None
        else phrases.only(decoded.featureset, decoded.shown)
    )


def _bits(decoded: _Set) -> tuple[Bit, ...]:
    from ...features import bits  # names alone are told without

    return bits.decode(_shown(decoded), decoded.release)


def _heading(decoded: _Set) -> str:
    number = len(_shown(decoded))
    count = f"{number} feature{'' if number == 1 else 's'}"
    length = decoded.featureset.length
    words = f"{length} word{'' if length == 1 else 's'}, " if decoded.shown is None else ""
    title = f"{decoded.title}: " if decoded.title else ""
    return f"{title}{words}{count}, as {decoded.release.title} names them"


def _names(decoded: _Set, aliases: bool) -> None:
    terminal.heading(_heading(decoded))
    numbers = list(_shown(decoded))
    for index, value in enumerate(decoded.featureset.words):
        mine = [number for number in numbers if number // 32 == index]
        if (decoded.shown is None and not mine) or (
            decoded.shown is not None and index != decoded.shown
        ):
            continue
        place = str(decoded.release.words[index]) if index < decoded.release.length else "not known"
        terminal.line(f"word {index:<2} {place:<26} {value:08x}", "bold")
        if aliases:
            from ...features.bits import describe
            from ..words.bit import other_names

            for bit in (describe(number, decoded.release) for number in mine):
                terminal.paragraph(f"{bit.name}: {other_names(bit) or 'no other name'}", 8, 2)
        else:
            terminal.paragraph(meanings.brief(decoded.release, mine) or "none", 8)
    empty = [
        str(index)
        for index, value in enumerate(decoded.featureset.words)
        if not value and decoded.shown is None
    ]
    if empty:
        terminal.paragraph(f"nothing in word{'s' if len(empty) > 1 else ''} {', '.join(empty)}")
    _note(decoded)


def _table(decoded: _Set, aliases: bool) -> None:
    from ..words.bit import other_names

    terminal.heading(_heading(decoded))
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
            for bit in _bits(decoded)
        ),
    )
    _note(decoded)


def _note(decoded: _Set) -> None:
    if decoded.note:
        terminal.paragraph(f"note: {decoded.note}", hanging=6)


def document(decoded: _Set) -> dict[str, Any]:
    """For programs: docs/json.md."""
    from ...features.xen_cpuid_names import tool
    from ..words.bit import described

    return {
        "title": decoded.title,
        "release": decoded.release.name,
        "featureset": str(decoded.featureset),
        "note": decoded.note,
        "words": [
            {
                "index": index,
                "value": f"{value:08x}",
                "name": decoded.release.words[index].name
                if index < decoded.release.length
                else None,
                "where": str(decoded.release.words[index])
                if index < decoded.release.length
                else None,
            }
            for index, value in enumerate(decoded.featureset.words)
            if decoded.shown in (None, index)
        ],
        "features": [
            described(bit) | {"xen_cpuid": tool(decoded.release).name(bit.number)}
            for bit in _bits(decoded)
        ],
    }
