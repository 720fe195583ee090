"""xenops-cpu explain: what a feature is, and on a host in which sets it is, and why; what a word
of the field means (MDS, levelling), and on a host what its features say.
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...explain.feature import Explanation, explain
from ...features import aliases, concepts
from ...features.aliases import UnknownFeature
from ...features.concepts import LEAK, Concept
from ...features.release import NEWEST, Release
from ...features.release import release as release_named
from .. import (
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    live,
    simulation,
    terminal,
    vm_arguments,
)
from ..arguments import derived_host, failing, kept, read, release_for, say_once
from ..arguments import release as asked_release
from ..words import concept as concept_words
from ..words import feature as feature_words

if TYPE_CHECKING:
    from ...derivation import Derivation
    from ...explain.concept import OnHost
    from ...explain.presence import Presence
    from ...hosts.host import Host
    from ...pools.vm import Vm
else:  # named tuples have a type for each field, and these are imported late
    Derivation = Host = OnHost = Presence = Vm = object

_EXAMPLES = """  xenops-cpu explain HLE                               # what it is
  xenops-cpu explain libvirt:spec-ctrl                 # by others' names: xl, libvirt, linux
  xenops-cpu explain HLE on example:skylake-server-xen-4.17
  xenops-cpu explain RTM on cpu:xeon-gold-6240@4.17    # a simulated host: a reason for each set
  xenops-cpu explain RTM in domain:7                   # in dom0: whether a VM that runs has it
  xenops-cpu explain RTM in suspended.img on host-7.json
  xenops-cpu explain RTM in web-01 on xapi-db.xml      # on the host where it is
  xenops-cpu explain RTM --cpu "Xeon Gold 6240" --xen 4.19 --xen-cmdline tsx=1
  xenops-cpu explain AVX,AVX2 on recorded:host-7.json --json

  xenops-cpu explain MDS on example:skylake-server-xen-4.17   # is it open to it? which bits say so?
  xenops-cpu explain boot and migration                # words of the field; all: explain --list

exit codes: 0 done, 2 wrong use, or nothing is called so, 3 the host cannot be read
"""

_USAGE = "NAME, NAME on HOST, NAME in VM, or NAME in VM on HOST"


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "explain",
        "What a feature is, what it rests on and, on a HOST, in which sets it is and why; in a VM, "
        "whether it has it, and how that goes with what the host gives. NAME is "
        "Xen's name of a feature, or anybody's, or a word such as MDS, TSX or levelling; several "
        "with commas. HOST is a file (docs/reading.md), the socket of a service, example:NAME, "
        f"recorded:FILE, cpu:NAME[@RELEASE] or simulated. VM is {vm_arguments.HELP}.",
        _EXAMPLES,
    )
    command.add_argument(
        "words", nargs="*", metavar="NAME [in VM] [on HOST]", help="what to explain, and where"
    )
    command.add_argument(
        "--list", action="store_true", help="the words that are no features, each with its title"
    )
    command.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    simulation.add_options(command)
    live.add_options(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    if arguments.list:
        return concept_words.show_list(arguments.json)
    words, vm_text = _without_vm(arguments.words)
    names, host_text = _split(words)
    vm = None if vm_text is None else _vm(vm_text, host_text)
    if vm_text is not None and host_text is None:
        host_text = _where_it_runs(vm_text)
    if vm is not None and host_text is not None:
        host_text = _its_own_host(vm, host_text)
    host, derivation, xen = _where(arguments, host_text, vm)
    subjects = [subject for name in names for subject in _subjects(name, xen)]
    stand_in = _stand_in(host) if host is not None and derivation is None else None
    answers = [
        explain(subject, xen, host, derivation, stand_in)
        if isinstance(subject, int)
        else ConceptOnHost(subject, _on_host(subject, host, derivation))
        for subject in subjects
    ]
    features = [answer for answer in answers if isinstance(answer, Explanation)]
    concepts_told = [answer for answer in answers if isinstance(answer, ConceptOnHost)]
    if vm is not None and concepts_told:
        raise Failure(
            f"{concepts_told[0].concept.name} is no feature that a VM has or has not: on HOST",
            WRONG_USAGE,
        )
    numbers = [answer.bit.number for answer in features]
    inside = {} if vm is None else _presences(vm, numbers, host)
    if arguments.json:
        terminal.print_json(
            {
                "features": [
                    feature_words.document(feature, inside.get(feature.bit.number))
                    for feature in features
                ],
                "concepts": [concept_words.document(*word) for word in concepts_told],
            }
        )
        return OK
    for index, answer in enumerate(answers):
        if index:
            terminal.line("")
        if isinstance(answer, Explanation):
            feature_words.show(answer, inside.get(answer.bit.number))
        else:
            concept_words.show(*answer)
    if host is not None:
        terminal.paragraph(f"from {host.origin}", 0, 2)
    # The first note of a simulated host is the microcode that it rests on (docs/microcode.md).
    notes = [*host.notes[:1]] if host is not None and derivation is not None else []
    notes += [note for feature in features for note in feature.notes]
    for note in dict.fromkeys(notes):
        terminal.paragraph(f"note: {note}", 0, 6)
    return OK


class ConceptOnHost(NamedTuple):
    concept: Concept
    on_host: OnHost | None


def _without_vm(words: Sequence[str]) -> tuple[list[str], str | None]:
    """The words without `in VM`, and the text of the VM."""
    if "in" not in words[1:]:
        return list(words), None
    place = words.index("in", 1)
    host_words = list(words[place + 2 :])
    if (
        len(words) < place + 2
        or len(host_words) > 2
        or (len(host_words) == 2 and host_words[0] != "on")
    ):
        raise Failure(_USAGE, WRONG_USAGE)
    host = ["on", host_words[-1]] if host_words else []
    return [*words[:place], *host], words[place + 1]


def _split(words: Sequence[str]) -> tuple[list[str], str | None]:
    """The names, and the text of the host. A name may have blanks: "on" ends it, or what names
    something.
    """
    if not words:
        raise Failure("name a feature, or a word (explain --list has them)", WRONG_USAGE)
    if "on" in words:
        place = words.index("on")
        names, host_words = words[:place], words[place + 1 :]
        if not names or len(host_words) != 1:
            raise Failure(_USAGE, WRONG_USAGE)
        return " ".join(names).split(","), host_words[0]
    for size in range(len(words), 1, -1):
        if concepts.find(" ".join(words[:size])) is not None:
            break
    else:
        size = 1
    if len(words) > size + 1:
        raise Failure(_USAGE, WRONG_USAGE)
    return " ".join(words[:size]).split(","), words[size] if len(words) > size else None


def _subjects(name: str, xen: Release) -> tuple[int, ...] | tuple[Concept]:
    """The features that a name means, by number, else the concept."""
    try:
        return aliases.find(name, xen)
    except UnknownFeature as error:
        concept = concepts.find(name)
        if concept is not None:
            return (concept,)
        words = ", ".join(concepts.close(name))
        hint = f"; there is a word {words} (explain --list has all)" if words else ""
        raise Failure(f"{error}{hint}", WRONG_USAGE) from error


def _on_host(concept: Concept, host: Host | None, derivation: Derivation | None) -> OnHost | None:
    if host is None:
        return None
    if not concept.features and concept.kind != LEAK:
        raise Failure(
            f"{concept.name} is nothing that features of a host show; try: {concept.commands[0]}",
            WRONG_USAGE,
        )
    from ...explain.concept import on_host

    return on_host(concept, host, derivation)


def _stand_in(host: Host) -> tuple[Derivation, str] | None:
    """What tells reasons where only xapi's record of a host is known."""
    from ...inputs import assumed

    return assumed.derivation(host, host.name)


def _vm(text: str, host_text: str | None) -> Vm:
    """The only VM of an argument, which may be a name in the file of the host. Raises Failure."""
    from ...inputs.reader import Reader

    files = [] if host_text is None else [host_text]
    with failing():
        vms = Reader(say=say_once, read_argument=kept).vms([text], files)
    if len(vms) != 1:
        names = ", ".join(vm.name for vm in vms[:10]) or "none"
        raise Failure(f"{text}: name one VM, {text}#NAME; there are {names}", WRONG_USAGE)
    return vms[0]


def _its_own_host(vm: Vm, host_text: str) -> str:
    """Where a file has many hosts and none of them is named: that on which the VM is."""
    from ...inputs import argument

    if not vm.home or argument.split_choice(host_text)[1] or not argument.has_many(host_text):
        return host_text
    hosts = read(host_text).hosts
    own = [each.name for each in hosts if each.host.uuid == vm.home]
    return f"{host_text}#{own[0]}" if len(hosts) > 1 and own else host_text


def _where_it_runs(vm_text: str) -> str | None:
    """The host of a VM that runs here, None for any other."""
    from ..running import HERE, is_running

    return HERE if is_running(vm_text) else None


def _presences(vm: Vm, numbers: Sequence[int], host: Host | None) -> dict[int, Presence]:
    """Whether the VM has the features, by number."""
    from ...explain.presence import presence
    from ...pools.member import member_of

    member = None if host is None else member_of(host)
    return {number: presence(vm, number, member) for number in numbers}


def _where(
    arguments: argparse.Namespace, host_text: str | None, vm: Vm | None = None
) -> tuple[Host | None, Derivation | None, Release]:
    """The host to look at, if there is one, and whose names to use."""
    if host_text is not None:
        if simulation.asked_for(arguments):
            raise Failure(f"{host_text} is a host already: no --cpu, --xen, ...", WRONG_USAGE)
        host, derivation = derived_host(host_text)
        return host, derivation, host.release
    if not _simulates(arguments):
        release = asked_release(arguments)
        if vm is not None and vm.features is not None:
            return None, None, release_for(vm.features, release)
        return None, None, release or release_named(NEWEST)
    from ...sources import SourceError

    try:
        host, derivation = simulation.source(arguments).explained()
    except SourceError as error:
        raise Failure(str(error)) from error
    return host, derivation, host.release


def _simulates(arguments: argparse.Namespace) -> bool:
    """Whether more than --xen is given, which alone only says whose names to use."""
    return simulation.asked_for(argparse.Namespace(**{**vars(arguments), "xen": None}))
