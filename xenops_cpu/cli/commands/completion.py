"""xenops-cpu completion: the completion script of a shell, and the words that it asks for.

The scripts are made from the parsers (scripts/generate-pages) and come with the package.
"""

from __future__ import annotations

import argparse
import sys

from ... import data_files
from .. import OK, WRONG_USAGE, Failure, command_line, completions

# By shell: the name that its scripts have where it looks for them.
SCRIPTS = {"bash": "xenops-cpu", "zsh": "_xenops-cpu", "fish": "xenops-cpu.fish"}

_EXAMPLES = """  xenops-cpu completion bash > ~/.local/share/bash-completion/completions/xenops-cpu
  xenops-cpu completion zsh > "${fpath[1]}/_xenops-cpu"
  xenops-cpu completion fish > ~/.config/fish/completions/xenops-cpu.fish
  source <(xenops-cpu completion bash)                 # in this shell only
  xenops-cpu completion --words host cpu:xeon-gold     # what the scripts ask: a word a line

Debian's package and the RPM bring the scripts where the shells look for them.
"""


def parser() -> argparse.ArgumentParser:
    command = command_line.parser("completion", "Print the completion script of SHELL.", _EXAMPLES)
    command.add_argument(
        "shell",
        nargs="?",
        choices=tuple(SCRIPTS),
        metavar="SHELL",
        help="bash, zsh or fish",
    )
    command.add_argument(
        "--words",
        nargs=2,
        metavar=("KIND", "TEXT"),
        help=f"what may continue TEXT; KIND: {', '.join(completions.KINDS)}",
    )
    return command


def run(arguments: argparse.Namespace) -> int:
    if (arguments.shell is None) == (arguments.words is None):
        raise Failure("name a shell (bash, zsh, fish) or --words KIND TEXT", WRONG_USAGE)
    if arguments.shell is not None:
        sys.stdout.write(data_files.read_text(f"completion/{SCRIPTS[arguments.shell]}"))
        return OK
    kind, text = arguments.words
    if kind not in completions.KINDS:
        raise Failure(f'"{kind}" is no kind; there are {", ".join(completions.KINDS)}', WRONG_USAGE)
    sys.stdout.writelines(f"{word}\n" for word in completions.of(kind, text))
    return OK
