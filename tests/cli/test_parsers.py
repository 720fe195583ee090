"""All parsers, walked: the same option is the same everywhere, and every help has what it needs."""

from __future__ import annotations

import argparse
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from xenops_cpu.cli.main import main
from xenops_cpu.cli.overview import COMMANDS
from xenops_cpu.features.release import LINES, RELEASES, UPSTREAM

# One option, another thing: what it takes says which. serve's are those of its configuration file.
OTHER_THINGS = {
    "--explain": {"", "FEATURE"},
    "--host": {"HOST", "ID"},
    "--pool": {"HOST", "NAME"},
    "--socket": {"PATH", "VALUE"},
    "--to": {"HOST=NEW", "DIR"},
    "--type": {"TYPE", ""},
    "--vm": {"VM", "UUID"},
}
# Whose exit code is the answer.
ANSWERING = {"audit", "check", "diff", "forecast", "plan", "policy diff"}


def parts(
    name: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, part in action.choices.items():
                yield from parts(f"{name} {word}", part)


COMMAND_PARSERS = {
    name: importlib.import_module(f"xenops_cpu.cli.commands.{name}").parser() for name in COMMANDS
}
ALL = dict(pair for item in COMMAND_PARSERS.items() for pair in parts(*item))


def options() -> Iterator[tuple[str, str, argparse.Action]]:
    """Each option of each parser, by its long name."""
    for name, parser in ALL.items():
        for action in parser._actions:
            for text in action.option_strings:
                if text.startswith("--"):
                    yield name, text, action


def test_an_option_takes_the_same_everywhere() -> None:
    """Its metavar is the same in all commands but for those that are known to be other things."""
    metavars: dict[str, set[str]] = defaultdict(set)
    for _, option, action in options():
        metavars[option].add(str(action.metavar or ""))
    several = {option: found for option, found in metavars.items() if len(found) > 1}
    assert several == OTHER_THINGS


@pytest.mark.parametrize("name", ALL)
def test_every_parser_takes_color_and_says_what_each_argument_is(name: str) -> None:
    """--color is everywhere, -q where the exit code is an answer; no argument is without a help."""
    parser = ALL[name]
    assert parser.description
    assert not [action.dest for action in parser._actions if not action.help]
    assert "--color" in parser._option_string_actions
    assert ("-q" in parser._option_string_actions) == (name in ANSWERING)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_one_shape(name: str) -> None:
    """Usage, what it does, arguments, examples that begin with the command, exit codes."""
    text = COMMAND_PARSERS[name].format_help()
    places = [text.find(part) for part in ("usage:", "\noptions:", "\nexamples:\n", "exit codes:")]
    assert places == sorted(places)
    assert -1 not in places
    examples = text[places[2] :].splitlines()[2]
    assert examples.startswith("  xenops-cpu ")
    assert re.search(rf"^  .*xenops-cpu {name}\b", text[places[2] :], re.MULTILINE)


def test_ranges_of_releases_come_from_the_table() -> None:
    """What --xen says of releases has the newest numbered one and the lines that are known."""
    newest = [name for name in UPSTREAM if name != RELEASES[-1]][-1]
    texts = {str(action.help) for _, option, action in options() if option == "--xen"}
    ranges = [text for text in texts if re.search(r"\d to \d", text)]
    assert ranges
    for text in ranges:
        assert f" to {newest}, {RELEASES[-1]}" in text
        assert all(line in text for line in LINES if line not in RELEASES)


@pytest.mark.parametrize("name", ["check", "policy", "info", "fleet"])
def test_forty_columns(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is said of the command and its options is wrapped to a narrow terminal."""
    monkeypatch.setenv("COLUMNS", "40")
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out.partition("\nexamples:")[0]
    description, _, arguments = text.partition("\n\n")[2].partition("\n\n")
    assert description
    for line in (*description.splitlines(), *arguments.partition("\n\n")[0].splitlines()):
        assert len(line) <= 40, line
