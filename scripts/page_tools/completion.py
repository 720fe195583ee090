"""Completion scripts by shtab: options, choices and commands stand in them, words of the program's
own tables and of files are asked of the program (xenops_cpu.cli.completions).
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any

import shtab

from page_tools.program import PROGRAM, program
from xenops_cpu.cli.completions import KINDS

FILE, DIRECTORY, NOTHING = "file", "directory", ""
# What stands for an argument in its help says what it is: a kind of words, a file, or anything.
METAVARS = {
    "HOST": "host", "NAME [in VM] [on HOST]": "explained",
    "A": "host", "B": "host", "VM": "host", "NEW": "host",
    "POLICY": "host", "FEATURESET": "host", "RECORD": "host", "HOST=NEW": "host",
    "SOURCE": "source", "CPU": "cpu", "FEATURE": "feature", "FEATURES": "feature",
    "RELEASE": "release", "METHOD": "method", "TYPE": "type",
    "FILE": FILE, "PATH": FILE, "COMMAND": FILE, "FOLDER": DIRECTORY,
    "INDEX=VALUE": NOTHING, "NAME=VALUE": NOTHING, "N": NOTHING, "SECONDS": NOTHING,
    "SHA256": NOTHING, "TEXT": NOTHING, "UUID": NOTHING, "WISH": NOTHING, "XAPI": NOTHING,
    "MODE": NOTHING, "GROUP": NOTHING, "GROUPS": NOTHING, "HEX": NOTHING, "ID": NOTHING,
    "NAME": NOTHING, "HOST,...": NOTHING, "KIND TEXT": NOTHING,
    "FOLDER:...": NOTHING, "TARGET": NOTHING, "MODULES": NOTHING, "URL": NOTHING,
}  # fmt: skip

_BASH = """\
_xenops_cpu_words() {
  "${_xenops_cpu_program:-xenops-cpu}" completion --words "$1" "$2" 2>/dev/null
}
"""
_OF_BASH = '_xenops_cpu_{kind}() {{ _xenops_cpu_words {kind} "$1"; }}'
_ZSH = """\
_xenops_cpu_words() {
  local -a offered open closed
  offered=(${(f)"$(xenops-cpu completion --words $1 "$PREFIX" 2>/dev/null)"})
  open=(${(M)offered:#*[:\\/#@]}) closed=(${offered:#*[:\\/#@]})
  compadd -S '' -a open
  compadd -a closed
}
"""
_FISH = """\
function __xenops_cpu_words
    set -l program (commandline -opc)[1]
    $program completion --words $argv[1] (commandline -ct) 2>/dev/null
end
"""
# bash takes cpu:NAME@RELEASE and NAME=FILE apart where the program has one word: shtab's function
# gets whole words, and readline back what it looks for: the part behind the last such character,
# or from it on if that is @, which readline counts to what follows.
_BASH_END = """
_xenops_cpu() {
  local _xenops_cpu_program="${COMP_WORDS[0]}" line="${COMP_LINE:0:COMP_POINT}" word current tail
  local -a whole=()
  local -i index
  for ((index = 0; index <= COMP_CWORD; index++)); do
    word="${COMP_WORDS[index]}"
    if ((index == 0)) || [[ $line == [[:blank:]]* ]]; then
      line="${line#"${line%%[![:blank:]]*}"}"
      whole+=("$word")
    else
      whole[-1]+="$word"
    fi
    line="${line#"$word"}"
  done
  COMP_WORDS=("${whole[@]}")
  COMP_CWORD=$((${#whole[@]} - 1))
  _shtab_xenops_cpu
  current="${whole[-1]}"
  tail="${current##*["$COMP_WORDBREAKS"]}"
  [[ ${current%"$tail"} == *@ ]] && tail="@$tail"
  COMPREPLY=("${COMPREPLY[@]#"${current%"$tail"}"}")
  if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[:/#@] ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -o bashdefault -o default -F _xenops_cpu xenops-cpu
"""


def scripts() -> dict[str, str]:
    """The script of each shell. Raises LookupError for an argument that METAVARS has not."""
    whole = program()
    for parser in _parsers(whole):
        for action in parser._actions:  # argparse has no public way to list them
            _describe(action)
    of_kinds = "\n".join(_OF_BASH.format(kind=kind) for kind in KINDS)
    preamble = {"bash": _BASH + of_kinds, "zsh": _ZSH, "fish": _FISH}
    texts = {
        shell: _plain(shtab.complete(whole, shell, preamble=preamble[shell])) for shell in preamble
    }
    return texts | {"bash": texts["bash"] + _BASH_END}


def kind_of(action: argparse.Action) -> str:
    """What an argument takes: a kind of words, FILE, DIRECTORY or NOTHING. Raises LookupError."""
    metavar = action.metavar
    name = " ".join(metavar) if isinstance(metavar, tuple) else str(metavar)
    if name not in METAVARS:
        raise LookupError(f"METAVARS of page_tools.completion has no {name} ({action.dest})")
    return METAVARS[name]


def _describe(action: argparse.Action) -> None:
    """Give an argument what shtab looks for."""
    if isinstance(action.metavar, str) and "|" in action.metavar:
        action.choices = action.metavar.split("|")
    if action.nargs == 0 or action.choices or action.help == argparse.SUPPRESS:
        return
    kind = kind_of(action)
    if kind in (FILE, DIRECTORY):
        complete: Any = shtab.FILE if kind == FILE else shtab.DIRECTORY
    elif kind in KINDS:
        complete = {
            "bash": f"_xenops_cpu_{kind}",
            "zsh": f" _xenops_cpu_words {kind}",  # with a blank before, zsh adds no arguments
            "fish": f"(__xenops_cpu_words {kind})",
        }
    else:
        return
    action.complete = complete  # type: ignore[attr-defined]


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _parsers(below)


def _plain(text: str) -> str:
    """Without shtab's instructions, which are for those who made the file."""
    head = f"# made by shtab from the parsers of {PROGRAM} (scripts/generate-pages)\n"
    return re.sub(r"(?m)^# AUTOMATICALLY GENERATED.*\n(#.*\n)*", head, text)
