"""The whole program as one parser, as shtab and argparse-manpage want it."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping

from xenops_cpu.cli.overview import COMMANDS, DESCRIPTION

PROGRAM = "xenops-cpu"


def commands() -> Mapping[str, argparse.ArgumentParser]:
    """Each command's own parser, by name."""
    return {
        name: importlib.import_module(f"xenops_cpu.cli.commands.{name}").parser()
        for name in COMMANDS
    }


def program() -> argparse.ArgumentParser:
    """One parser that has the commands' as its subparsers."""
    whole = argparse.ArgumentParser(
        PROGRAM,
        usage=f"{PROGRAM} COMMAND [OPTION ...]",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    whole.add_argument("--version", "-V", action="version", version="", help="the version")
    choices = whole.add_subparsers(dest="command", metavar="COMMAND")
    for name, parser in commands().items():
        choices.add_parser(
            name, help=COMMANDS[name], parents=[parser], add_help=False, allow_abbrev=False
        )
    return whole
