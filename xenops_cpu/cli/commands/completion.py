"""xenops-cpu completion: a script that completes commands and options, made from the parsers."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator

from attrs import field, frozen

from .. import OK, options

_EXAMPLES = """  xenops-cpu completion bash > /etc/bash_completion.d/xenops-cpu
  source <(xenops-cpu completion bash)                 # in this shell only
  xenops-cpu completion zsh > "${fpath[1]}/_xenops-cpu"
  xenops-cpu completion fish > ~/.config/fish/completions/xenops-cpu.fish
"""

PROGRAM = "xenops-cpu"


@frozen
class _Option:
    """`names`: its spellings. `choices`: its values, empty where any will do. `takes`: a value."""

    names: tuple[str, ...]
    help: str
    choices: tuple[str, ...]
    takes: bool


@frozen
class _Command:
    """`path`: the words that lead to it after the program's name. `words`: what may follow."""

    path: tuple[str, ...]
    help: str
    options: tuple[_Option, ...]
    words: tuple[str, ...] = field(default=())


def parser() -> argparse.ArgumentParser:
    made = options.parser("completion", "Print a completion script for SHELL.", _EXAMPLES)
    made.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL",
                      help="bash, zsh or fish")  # fmt: skip
    return made


def run(arguments: argparse.Namespace) -> int:
    commands = list(_commands())
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell](commands), end="")
    return OK


def _commands() -> Iterator[_Command]:
    from ..main import COMMANDS

    for name, words in COMMANDS.items():
        made: argparse.ArgumentParser = importlib.import_module(f"{__package__}.{name}").parser()
        yield from _of_parser((name,), words, made)


def _of_parser(
    path: tuple[str, ...], words: str, made: argparse.ArgumentParser
) -> Iterator[_Command]:
    found, positional = [], []
    for action in made._actions:  # argparse has no public way to list them
        if isinstance(action, argparse._SubParsersAction):
            positional += list(action.choices)
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, below in action.choices.items():
                yield from _of_parser((*path, name), helps.get(name, ""), below)
        elif action.option_strings:
            found.append(_option(action))
        elif action.choices:
            positional += [str(choice) for choice in action.choices]
    yield _Command(path, words, tuple(found), tuple(positional))


def _option(action: argparse.Action) -> _Option:
    return _Option(
        names=tuple(action.option_strings),
        help=re.sub(r"\s+", " ", action.help or ""),
        choices=tuple(str(choice) for choice in action.choices or ()),
        takes=action.nargs != 0,
    )


def _names(command: _Command) -> str:
    return " ".join(name for option in command.options for name in option.names)


def _bash(commands: list[_Command]) -> str:
    """Words by the path typed so far; files where nothing else fits."""
    lines = [
        f"# bash completion for {PROGRAM}, made by '{PROGRAM} completion bash'",
        "_xenops_cpu() {",
        '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"',
        '    local path="${COMP_WORDS[1]}" words=""',
        '    case "$path ${COMP_WORDS[2]}" in',
    ]
    nested = [command for command in commands if len(command.path) == 2]
    lines += [f'        "{" ".join(c.path)}") ((COMP_CWORD > 2)) && path="{" ".join(c.path)}" ;;'
              for c in nested]  # fmt: skip
    lines += [
        "    esac",
        "    if ((COMP_CWORD == 1)); then",
        f'        words="{" ".join(_top(commands))} --help --version"',
        "    else",
        '        case "$path $previous" in',
    ]
    for command in commands:
        for option in command.options:
            if option.choices:
                pattern = "|".join(f'"{" ".join(command.path)} {name}"' for name in option.names)
                lines.append(f'            {pattern}) words="{" ".join(option.choices)}" ;;')
    lines += ['            *) case "$path" in']
    for command in commands:
        both = " ".join(filter(None, (" ".join(command.words), _names(command))))
        lines.append(f'                "{" ".join(command.path)}") words="{both}" ;;')
    lines += [
        "            esac ;;",
        "        esac",
        "    fi",
        '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
        "}",
        f"complete -o default -F _xenops_cpu {PROGRAM}",
        "",
    ]
    return "\n".join(lines)


def _top(commands: list[_Command]) -> list[str]:
    return list(dict.fromkeys(command.path[0] for command in commands))


def _zsh(commands: list[_Command]) -> str:
    """_arguments for each command; nested ones are chosen by the second word.

    `path`, `words` and `commands` have meanings of their own in zsh: the script takes other names.
    """
    lines = [
        f"#compdef {PROGRAM}",
        f"# made by '{PROGRAM} completion zsh'",
        f"_{PROGRAM}() {{",
        "    if ((CURRENT == 2)); then",
        "        local -a known=(",
        *(f"            {_quoted(f'{command.path[0]}:{_plain(command.help)}')}"
          for command in commands if len(command.path) == 1),
        "        )",
        "        _describe command known",
        "        return",
        "    fi",
        '    local chosen="$words[2]"',
    ]  # fmt: skip
    lines += [
        f'    [[ "$words[2] $words[3]" == "{" ".join(command.path)}" ]] && ((CURRENT > 3)) '
        f'&& chosen="{" ".join(command.path)}"'
        for command in commands
        if len(command.path) == 2
    ]
    lines.append('    case "$chosen" in')
    for command in commands:
        rest = f"({' '.join(command.words)})" if command.words else "_files"
        lines += [
            f'        "{" ".join(command.path)}") _arguments \\',
            *(f"            {specification} \\" for specification in _specs(command)),
            f"            '*:argument:{rest}' ;;",
        ]
    lines += [
        "    esac",
        "}",
        f'if [[ "$funcstack[1]" == "_{PROGRAM}" ]]; then',
        f'    _{PROGRAM} "$@"',
        "else",
        f"    compdef _{PROGRAM} {PROGRAM}",
        "fi",
        "",
    ]
    return "\n".join(lines)


def _specs(command: _Command) -> Iterator[str]:
    for option in command.options:
        value = ""
        if option.takes:
            value = f":value:({' '.join(option.choices)})" if option.choices else ":value:_files"
        for name in option.names:
            yield _quoted(f"{name}[{_plain(option.help)}]{value}")


def _plain(text: str) -> str:
    """Without what has a meaning in a specification."""
    return re.sub(r"[\[\]:\\]", " ", text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(commands: list[_Command]) -> str:
    top = " ".join(_top(commands))
    lines = [f"# fish completion for {PROGRAM}, made by '{PROGRAM} completion fish'"]
    for command in commands:
        first = f"__fish_seen_subcommand_from {command.path[0]}"
        if len(command.path) == 1:
            lines.append(
                f"complete -c {PROGRAM} -n 'not __fish_seen_subcommand_from {top}' "
                f"-f -a {command.path[0]} -d {_fish_quoted(command.help)}"
            )
            condition = first
        else:
            condition = f"{first}; and __fish_seen_subcommand_from {command.path[1]}"
        lines += [
            *(f"complete -c {PROGRAM} -n '{condition}' -a {word}" for word in command.words),
            *(_fish_option(option, condition) for option in command.options),
        ]
    return "\n".join([*lines, ""])


def _fish_option(option: _Option, condition: str) -> str:
    parts = [f"complete -c {PROGRAM} -n '{condition}'"]
    parts += [
        f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
    ]
    if option.takes:
        parts.append("-r")
    if option.choices:
        parts.append(f"-f -a {_fish_quoted(' '.join(option.choices))}")
    if option.help:
        parts.append(f"-d {_fish_quoted(option.help)}")
    return " ".join(parts)


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
