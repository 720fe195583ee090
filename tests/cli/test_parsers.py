"""All parsers, walked: the same option is the same everywhere, and every help has what it needs."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests import ROOT
from xenops_cpu.cli.main import main
from xenops_cpu.cli.overview import COMMANDS
from xenops_cpu.features.release import LINES, RELEASES, UPSTREAM

# One option, another thing: what it takes says which.
OTHER_THINGS = {
    "--explain": {"", "FEATURE"},
    "--host": {"HOST", "ID"},
    "--pool": {"HOST", "NAME"},
    "--to": {"HOST=NEW", "FOLDER"},
    "--type": {"TYPE", ""},
    "--vm": {"VM", "UUID"},
}
# Whose exit code is the answer.
ANSWERING = {
    "audit", "check", "diff", "forecast", "plan evacuate", "plan join", "plan leave", "plan update",
    "policy diff",
}  # fmt: skip


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


@pytest.mark.parametrize("name", ALL)
def test_every_help_has_one_shape(name: str) -> None:
    """Of a command, or a part of one: usage, what it does, arguments, examples, exit codes."""
    text = ALL[name].format_help()
    places = [text.find(part) for part in ("usage:", "\noptions:", "\nexamples:\n", "exit codes:")]
    assert places == sorted(places)
    assert -1 not in places
    if name in COMMANDS:
        assert text[places[2] :].splitlines()[2].startswith("  xenops-cpu ")
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


HOSTS = ("example:epyc-xen-4.17", "example:ivybridge-xen-4.17")


def test_options_may_stand_before_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """-q and --color do there what they do behind it; what a command has not is refused."""
    printed = set()
    for arguments in (
        ("check", *HOSTS, "-q", "--color", "never"),
        ("-q", "--color", "never", "check", *HOSTS),
        ("--color=never", "--quiet", "check", "--", *HOSTS),
    ):
        assert main(arguments) == 13
        printed.add(capsys.readouterr().out)
    assert printed == {"impossible\n"}
    assert main(["-q", "releases"]) == 2
    assert "there is no option '-q'" in capsys.readouterr().err
    assert main(["--color", "never"]) == 2
    assert "a command is missing" in capsys.readouterr().err


def test_options_may_stand_before_a_part(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of a part of a command are its own wherever they stand."""
    outputs = []
    for arguments in (
        ("plan", "leave", "a", "--json", "--pool", f"a={HOSTS[0]}", f"b={HOSTS[1]}"),
        ("plan", "--json", "--pool", f"a={HOSTS[0]}", f"b={HOSTS[1]}", "leave", "a"),
    ):
        assert main(arguments) == 1
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("name", [name for name in ALL if " " in name])
def test_help_of_a_part(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`help COMMAND PART` is the part's own help, and a word close to it is answered with it."""
    command, part = name.split()
    assert main([command, part, "--help"]) == 0
    text = capsys.readouterr().out
    assert main(["help", command, part]) == 0
    assert capsys.readouterr().out == text
    assert text.startswith(f"usage: xenops-cpu {name} ")
    for arguments in ((command, f"{part}x"), ("help", command, f"{part}x")):
        assert main(arguments) == 2
        assert f"did you mean {part}?" in capsys.readouterr().err


# What the package's texts say to type: a command and, of those that it has, a part or an option.
TYPED = re.compile(r"xenops-cpu ([a-z-]+)(?: ([a-z]+|--[a-z][a-z-]*))?")
WITH_OPTION = re.compile(rf"\b({'|'.join(COMMANDS)}) (--[a-z][a-z-]*)")
# A file that has neither has nothing of both.
TO_TYPE = re.compile(r"xenops-cpu|--[a-z]")
# Beside commands in a sentence: `xenops-cpu help`, and the name of the program's own packages.
NO_COMMANDS = {"help"}


def texts() -> Iterator[tuple[str, str]]:
    """Each string in the package that is no docstring, with the name of its file."""
    for path in sorted((ROOT / "xenops_cpu").rglob("*.py")):
        text = path.read_text()
        tree = ast.parse(text if TO_TYPE.search(text) else "")
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in docstrings:
                yield path.name, str(node.value)


def test_what_texts_say_to_type_is_there() -> None:
    """A command, part or option that an error or a help names exists."""
    named = 0
    for file, text in texts():
        for match in TYPED.finditer(text):
            command, word = match[1], match[2] or ""
            if command in NO_COMMANDS:
                continue
            assert command in COMMANDS, (file, match[0])
            has_parts = any(name.startswith(f"{command} ") for name in ALL)
            if has_parts and word.isalpha():
                assert f"{command} {word}" in ALL, (file, match[0])
            named += 1
        for match in WITH_OPTION.finditer(text):
            parsers = [parser for name, parser in ALL.items() if name.split()[0] == match[1]]
            known = {option for parser in parsers for option in parser._option_string_actions}
            assert match[2] in known, (file, match[0])
            named += 1
    assert named > 150
