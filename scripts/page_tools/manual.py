"""Manual pages by argparse-manpage: xenops-cpu(1), and one for each command.

Pages carry neither date nor version, so that they change only with the program.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator

from argparse_manpage.manpage import Manpage

from page_tools.program import PROGRAM, commands
from xenops_cpu.cli.overview import COMMANDS, DESCRIPTION, EXIT_CODES

_ENVIRONMENT = """\
XENOPS_CPU_SOCKET
  the service's socket, to listen on and to ask
XDG_RUNTIME_DIR
  the folder of the socket where /var/lib/xcp may not be written to
XENOPS_CPU_DEBUG
  with any value, a fault of the program ends in a traceback
"""
_FILES = """\
/var/lib/xcp/xenops-cpu
  the socket of the service on a Xen host
/usr/share/doc/xenops-cpu/
  what the pages refer to as docs/
"""


def pages() -> dict[str, str]:
    """The text of each page, by the name of its file."""
    os.environ["COLUMNS"] = "100"
    texts = {f"{PROGRAM}.1": _program()}
    for name, parser in commands().items():
        texts[f"{PROGRAM}-{name}.1"] = _command(name, parser)
    return texts


def _program() -> str:
    parser = argparse.ArgumentParser(PROGRAM, description=DESCRIPTION, add_help=False)
    page = _page(parser, "which CPU features VMs see on a Xen host, and why")
    page.synopsis = [PROGRAM, "COMMAND", "[OPTION ...]"]
    rows = (
        f".TP\n.BR {_markup(f'{PROGRAM}-{name}')} (1)\n{_markup(words)}"
        for name, words in COMMANDS.items()
    )
    page.add_section("commands", "=", "\n".join(rows))
    page.add_section("exit status", "=", _verbatim(EXIT_CODES.partition("\n")[2]))
    page.add_section("environment", "=", _definitions(_ENVIRONMENT))
    page.add_section("files", "=", _definitions(_FILES))
    return str(page)


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    sections = list(_sections(parser))
    parser.epilog = None
    page = _page(parser, COMMANDS[name])
    # man knows a page by one word, and a person types two.
    page.prog = f"{PROGRAM}-{name}"
    page.synopsis = [f"{PROGRAM} {name}", *page.synopsis[2:]]
    for heading, text in sections:
        page.add_section(heading, ">", text + "\n")
    page.add_section("see also", "=", f".BR {_markup(PROGRAM)} (1)")
    return str(page)


def _page(parser: argparse.ArgumentParser, words: str) -> Manpage:
    page = Manpage(parser)
    page.date, page.source, page.manual, page.description = "", PROGRAM, PROGRAM, words
    return page


def _sections(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """What follows the options in the help, under the headings that manual pages have."""
    heading = "notes"
    more = getattr(parser, "more_help", None)
    for block in re.split(r"\n\n+", f"{parser.epilog or ''}\n\n{more() if more else ''}".strip()):
        first, _, body = block.partition("\n")
        if first == "examples:":
            heading, text = "examples", _verbatim(body)
        elif first.startswith("exit codes"):
            words = first.partition(":")[2].strip()
            heading, text = (
                "exit status",
                "\n".join(filter(None, (_markup(words), _verbatim(body)))),
            )
        elif block.startswith(" ") or body.startswith(" "):
            text = _verbatim(block)
        else:
            heading, text = "notes", _markup(block)
        yield heading, text


def _definitions(text: str) -> str:
    """A term, and indented below it what it is."""
    lines = (
        line.strip() if line.startswith(" ") else f".TP\n.B {line}" for line in text.splitlines()
    )
    return "\n".join(_markup(line) if not line.startswith(".") else line for line in lines)


def _verbatim(text: str) -> str:
    return (
        "\n".join((".nf", *map(_markup, text.rstrip().splitlines()), ".fi")) if text.strip() else ""
    )


def _markup(text: str) -> str:
    """roff for plain text: hyphens that can be copied, no line that reads as a request."""
    return re.sub(r"(?m)^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"))
