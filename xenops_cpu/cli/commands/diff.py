"""xenops-cpu diff: what differs between two featuresets, policies, captures or hosts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ...explain.sets import SetDifference, groups
from ...features import meanings
from ...features.featureset import MAX_WORDS, Featureset
from ...features.release import Release
from ...inputs.argument import WHAT
from .. import ANSWERED_WITH_AN_ERROR, OK, command_line, live, terminal
from ..arguments import add_release
from ..comparison import Compared, compare, document

if TYPE_CHECKING:
    from ...cpuid.policy import Policy
    from ...cpuid.statements import Statement
    from ...explain.differences import HostDifference
    from ...pools.verdict import Answer

DIFFERENT = 1

_EXAMPLES = """  xenops-cpu diff 1fc9cbf5-f6f83203 1fc9cbf5-f6d83203
  xenops-cpu diff --word 1 7ed8320b f6d8320b
  xenops-cpu diff "cap[ 1] is 7ed8320b (expected f6d8320b)"
  xenops-cpu diff example:epyc-xen-4.17 example:epyc-xen-4.20    # may VMs move between them?
  xenops-cpu diff suspended.img recorded:host-7.json             # may this VM go there?
  xenops-cpu diff host-7.policy host-8.policy                    # leaves and MSRs
  xenops-cpu diff --json A B | jq .same

exit codes: 0 the same (a VM: it may go there), 1 they differ, 2 wrong use, 3 not readable
"""

# With --quiet.
VERDICTS = {
    OK: "the same (a VM: it may go there)",
    ANSWERED_WITH_AN_ERROR: "they differ (a VM: something is missing there)",
}


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "diff",
        f"What differs between A and B, by name, and what it means. Each is {WHAT}. Of two "
        "hosts, boot sets are compared with boot sets and migration sets with migration sets; for "
        "a VM that moves, the boot set of where it was started with the migration set of where it "
        "goes.",
        _EXAMPLES,
    )
    command.add_argument("a", metavar="A", help="the one, or a phrase of a log that has both")
    command.add_argument("b", metavar="B", nargs="?", help="the other; of a VM, where it goes")
    add_release(command)
    command.add_argument("--word", type=int, metavar="N", help="A and B are word N of a featureset")
    command.add_argument("--policies", action="store_true", help="all that differs in the policies")
    command.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    live.add_options(command)
    command_line.add_quiet(command, VERDICTS)
    return command


def run(arguments: argparse.Namespace) -> int:
    return _answer(compare(arguments), arguments.json, arguments.policies)


def show_policies(a: Policy, b: Policy, xen: Release, as_json: bool) -> int:
    """Print what differs between two policies; gives the exit code."""
    from ...explain.policies import policies

    difference = policies(a, b, xen)
    compared = Compared("policies", "A", "B", difference.same, xen, policies={"": difference})
    return _answer(compared, as_json, True)


def _answer(compared: Compared, as_json: bool, everything: bool) -> int:
    if as_json:
        terminal.print_json(document(compared))
    else:
        _show(compared, everything)
    return OK if compared.same else DIFFERENT


def _show(compared: Compared, everything: bool) -> None:
    if compared.sets is not None:
        terminal.heading(f"{compared.a} and {compared.b}, as {compared.release.title} names them")
        _sides(compared.sets, compared.a, compared.b)
    if compared.kind == "policies":
        difference = compared.policies[""]
        terminal.heading(f"{compared.a} → {compared.b}, as {compared.release.title} names them")
        if difference.same:
            terminal.line("the same")
        _sides(difference.features, compared.a, compared.b, say_same=False)
        _statements(difference.statements)
    if compared.hosts is not None:
        _show_hosts(compared, compared.hosts, everything)
    for answer in compared.journeys:
        _journey(answer, compared.release)


def _sides(difference: SetDifference, a: str, b: str, say_same: bool = True) -> None:
    if difference.same and say_same:
        terminal.line("the same features")
    for name, other, numbers in ((a, b, difference.only_in_a), (b, a, difference.only_in_b)):
        if numbers:
            terminal.line(f"only in {name}, so missing for a VM from there on {other}:", "bold")
            _groups(numbers, difference.release)


def _groups(numbers: Featureset, xen: Release) -> None:
    for group in groups(numbers, xen):
        terminal.paragraph(f"{group.title}: {_names(xen, group.numbers)}", 2, 4, "cyan")
        if group.risk:
            terminal.paragraph(group.risk, 6)


def _names(xen: Release, numbers: tuple[int, ...]) -> str:
    """The copies of leaf 1 by the names of leaf 1: the group's title says what they are."""
    return " ".join(
        xen.label(number if copied is None else copied)
        for number in numbers
        for copied in (meanings.copy_of(number),)
    )


def _statements(statements: tuple[Statement, ...]) -> None:
    category = ""
    for statement in statements:
        if statement.category != category:
            category = statement.category
            terminal.line(f"{category}:", "bold")
        terminal.paragraph(str(statement), 2, 4)


def _show_hosts(compared: Compared, hosts: HostDifference, everything: bool) -> None:
    from ...cpuid.fields import ADDRESSES, IDENTITY, LIMITS, MSRS
    from ...explain.differences import KINDS

    # Of policies these are shown without being asked for: what keeps VMs out beside features.
    telling = (LIMITS, IDENTITY, ADDRESSES, MSRS)
    terminal.heading(f"{compared.a} and {compared.b}, as {compared.release.title} names them")
    for kind, difference in hosts.sets.items():
        verdict = "the same" if difference.same else ""
        terminal.line(f"{KINDS[kind]}{': ' + verdict if verdict else ''}", "bold")
        for letter, numbers in (("A", difference.only_in_a), ("B", difference.only_in_b)):
            if numbers:
                names = meanings.brief(compared.release, numbers)
                terminal.paragraph(f"only in {letter}: {names}", 2, 4)
    for name, policy in compared.policies.items():
        shown = tuple(
            statement
            for statement in policy.statements
            if everything or (name != "raw" and statement.category in telling)
        )
        if shown:
            terminal.line(f"policy {name}", "bold")
            _statements(shown)
        if len(shown) < len(policy.statements) and name != "raw":
            terminal.line(f"  {len(policy.statements) - len(shown)} more with --policies")


def _journey(answer: Answer, xen: Release) -> None:
    """May the VM go there? The verdict, what keeps it out, and what it would miss."""
    terminal.line("")
    terminal.paragraph(
        f"{answer.vm.guest.name} guest from {answer.vm.name} to {answer.host.name}: "
        f"{answer.grade.sentence}",
        style={"good": "green", "fair": "yellow"}.get(answer.grade.tone, "red"),
    )
    for problem in answer.problems:
        terminal.paragraph(problem, 2, 4)
    if answer.missing:
        terminal.paragraph(
            f"{len(answer.missing)} missing (what it has seen at boot, compared with the migration "
            "set there)",
            2,
        )
        _groups(Featureset.of_features((lack.number for lack in answer.missing), MAX_WORDS), xen)
    for note in answer.notes:
        if note.startswith("the vendors were not compared"):
            terminal.paragraph(f"note: {note}", 2, 4)
