"""xenops-cpu check: may this VM start, resume or migrate there? Which features are missing, why?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...inputs.argument import shown, split_name, what_it_is
from ...interface import Verdict
from ...pools.grade import GRADES
from ...pools.member import Member
from ...pools.verdict import UNSEEN, XAPI, Answer, check_all
from ...pools.vm import Vm
from ...pools.words import count, notes, some
from .. import (
    WRONG_USAGE,
    Failure,
    command_line,
    pool_arguments,
    terminal,
    vm_arguments,
)
from ..arguments import read
from ..progress import Progress
from ..words import arrival as arrival_words
from ..words import pool as words

if TYPE_CHECKING:
    from ...pools.arrival import Move

_EXAMPLES = """  xenops-cpu check web-01.txt example:skylake-server-xen-4.17
  xenops-cpu check "vendor: GenuineIntel; features: 1789c3f5-80882203-…" host-7.json host-8.json
  xenops-cpu check cpu:xeon-gold-6154@4.17 cpu:core-i7-4930k@4.17 # started there, to go here
  xenops-cpu check cpu:xeon-gold-6336y@4.17 cpu:xeon-gold-6240@4.17 --featureset 1fc9cbf5-…
  xenops-cpu check new cpu:core-i7-4930k       # one that is shut down
  xenops-cpu check vm.save host-7.json         # a suspend image
  xenops-cpu check pool.xml#web-01 pool.xml    # one VM of xapi's database on every host of it
  xenops-cpu check VM HOST && echo 'go on'

exit codes: the worst verdict (with --any: the best)
   0  boots, resumes or migrates
  11  resumes or migrates only because Xen takes in more than it gives (max): perhaps slowly
  12  would go only by force
  13  impossible: another vendor, no such guests there, leaves that Xen refuses
   2  wrong use      3  something cannot be read
"""

# With --quiet; the worst of all pairs, with --any the best.
_VERDICTS = {
    0: "boots, resumes or migrates",
    11: "resumes or migrates only because Xen takes in more than it gives",
    12: "would go only by force",
    13: "impossible",
}
# Up to so many pairs are told with all details at once.
_FEW = 4
# More pairs than this are told as a table of counts.
_MANY = 40


def parser() -> argparse.ArgumentParser:
    command = pool_arguments.parser(
        "check",
        "May this VM boot, resume or migrate there? Each feature that is missing is named, with "
        "the reason, what forcing would risk, and what helps. What a VM has seen since it booted "
        "is compared with what a host takes in (its migration set). Where the VM's CPU policy is "
        "known or can be predicted, what its guest will find changed is told beside the verdict.",
        _EXAMPLES,
    )
    command.add_argument("vm", metavar="VM", help=vm_arguments.HELP)
    command.add_argument("hosts", metavar="HOST", nargs="+", help=pool_arguments.HOST_HELP)
    command.add_argument(
        "--featureset",
        metavar="FEATURESET",
        help="what a VM that was started on a host booted with: the level of its pool",
    )
    command.add_argument(
        "--any", action="store_true", help="exit code of the best verdict: is there any host?"
    )
    command.add_argument(
        "--details", action="store_true", help=f"reasons and remedies for more than {_FEW} pairs"
    )
    command.add_argument("--brief", action="store_true", help="verdicts only, for any number")
    pool_arguments.add_hex(command)
    pool_arguments.add_notes(command)
    command_line.add_quiet(command, _VERDICTS)
    return command


def run(arguments: argparse.Namespace) -> int:
    guests = vm_arguments.vms([arguments.vm], arguments, files=arguments.hosts)
    hosts = pool_arguments.members(arguments.hosts, arguments)
    if not guests:
        contents = what_it_is(read(split_name(arguments.vm)[1]))
        raise Failure(f'"{shown(arguments.vm)}" has no VM; {contents}', WRONG_USAGE)
    if arguments.featureset is not None and any(vm.started is None for vm in guests):
        raise Failure(
            "--featureset is what a VM booted with that a host stands for; other VMs tell it",
            WRONG_USAGE,
        )
    many = len(guests) * len(hosts) > _MANY and not (arguments.json or arguments.details)
    if arguments.brief or many:
        return _brief(guests, hosts, arguments)
    answers = check_all(guests, hosts)
    code = _code([answer.verdict for answer in answers], arguments.any)
    detailed = arguments.details or len(answers) <= _FEW
    moves = arrival_words.moves(answers) if arguments.json or detailed else []
    if arguments.json:
        terminal.print_json(
            {
                "exit_code": code,
                "answers": [
                    words.answer_json(answer) | {"arrival": arrival_words.as_json(move)}
                    for answer, move in zip(answers, moves, strict=True)
                ],
                "notes": list(notes(hosts)),
                "unseen": list(UNSEEN),
            }
        )
        return code
    if len(answers) > 1:
        terminal.table(("VM", "host", "verdict", "missing"), map(_row, answers))
        print()
    for answer, move in zip(answers, moves, strict=True) if detailed else ():
        words.tell_answer(answer)
        arrival_words.tell(answer, move, arguments.details)
        if arguments.hex:
            _hex(answer)
    if not detailed:
        terminal.line("--details tells the reasons, the risks and what to do")
    _tell_common(answers, hosts, moves, arguments.notes)
    return code


def _row(answer: Answer) -> tuple[str, str, str, str]:
    lacking = " ".join(lack.name for lack in answer.missing[:6])
    more = f" and {len(answer.missing) - 6} more" if len(answer.missing) > 6 else ""
    why = answer.problems[0] if answer.problems and not lacking else lacking + more
    word = f"{answer.grade.word}; is here now" if answer.here else answer.grade.word
    return answer.vm.name, answer.host.name, word, why


def _hex(answer: Answer) -> None:
    vm, host = answer.vm, answer.host
    if vm.features is not None:
        terminal.line(f"  {vm.name} has seen    {vm.features}")
    if vm.guest in host.offers:
        terminal.line(f"  {host.name} gives     {host.boot(vm.guest)}")
        terminal.line(f"  {host.name} takes in  {host.migration(vm.guest)}")


def _tell_common(
    answers: Sequence[Answer],
    hosts: Sequence[Member],
    moves: Sequence[Move | None],
    everything: bool,
) -> None:
    """What holds for all: what was compared, notes, what no comparison sees."""
    print()
    if len(answers) == 1:
        terminal.paragraph(f"compared: {answers[0].compared}", hanging=2)
    else:
        terminal.paragraph(
            "compared: what each VM has seen since it booted with what each host takes in (max or "
            f"boot), of the VM's guest type, {XAPI}",
            hanging=2,
        )
    of_answers = dict.fromkeys(note for answer in answers for note in answer.notes)
    for note in (*of_answers, *arrival_words.assumed(moves), *arrival_words.unknown(moves)):
        terminal.paragraph(f"note: {note}", hanging=2)
    words.tell_notes(hosts, everything)
    terminal.paragraph(f"no comparison of features sees: {'; '.join(UNSEEN)}", hanging=2)


def _brief(guests: Sequence[Vm], hosts: Sequence[Member], arguments: argparse.Namespace) -> int:
    from ...pools.grid import VERDICTS, grid

    with Progress("checking VMs", len(guests)) as bar:
        verdicts = grid(guests, hosts, bar.step)
    counts = verdicts.counts()
    grades = [verdict for verdict in Verdict if counts[verdict]]
    code = _code(grades, arguments.any)
    if arguments.json:
        terminal.print_json({"exit_code": code, **words.grid_json(verdicts, guests, hosts)})
        return code
    rows = []
    for vm, row in zip(guests, verdicts.rows, strict=True):
        refusing = [
            host.name
            for host, value in zip(hosts, row, strict=True)
            if not GRADES[VERDICTS[value]].allowed
        ]
        counted = (str(row.count(value) or "-") for value in range(len(VERDICTS)))
        rows.append((vm.name, *counted, some(refusing, 4)))
    headers = ("VM", *(grade.word for grade in GRADES.values()), "will not be taken in by")
    shown_rows = [row for row in rows if row[-1]] or rows[:_MANY]
    terminal.table(headers, shown_rows)
    if len(shown_rows) < len(rows):
        terminal.line(f"and {count(len(rows) - len(shown_rows), 'VM')} that every host takes in")
    terminal.line(f"in all: {', '.join(f'{counts[v]:,} {GRADES[v].word}' for v in grades)}")
    terminal.line("check one VM or one host for names, reasons and remedies")
    return code


def _code(verdicts: Sequence[Verdict], best: bool) -> int:
    pick = min if best else max
    return pick(GRADES[verdict].exit_code for verdict in verdicts)
