"""Hold the source of every step of the derivation to a tree of Xen: the file is there and defines
the function. The release is the tree's own version, or the one that is named.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from xenops_cpu.derivation import DERIVED_RELEASES, all_steps
from xenops_cpu.derivation.policies import POLICY_PHASES
from xenops_cpu.derivation.step import StepOf
from xenops_cpu.errors import Error
from xenops_cpu.features.release import release
from xenops_cpu.guests import libxc, recalculation, topology

from . import command_line
from .functions import defined
from .tree import Tree, TreeError, tree

_EXAMPLES = """  scripts/check-sources ../xen                      # a checkout of a stable branch
  scripts/check-sources ../xs8 --release xenserver-8   # 4.17.6 with XenServer's patches

exit codes: 0 every place is right, 1 some are not, 2 wrong use or no tree of Xen's source
"""
_FUNCTION = re.compile(r"(\w+)\(\)")
# Steps that stand for something else than a piece of Xen.
_NOT_XEN = "reference."
_FROM_THE_ROOT = ("xen/", "tools/")


def every_step() -> Iterator[StepOf[Any]]:
    """Of featuresets, of whole policies, of one domain's policy."""
    yield from all_steps()
    own = (libxc.APPLY, topology.TOPOLOGY, recalculation.RECALC, recalculation.RECALC_END)
    for phase in (*POLICY_PHASES, *own):
        yield from phase.steps


def places(place: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The files of a place (see derivation.source), from the tree's root, and their functions."""
    for part in place.split("; "):
        file, _, functions = part.partition(" ")
        path = file if file.startswith(_FROM_THE_ROOT) else f"xen/arch/x86/{file}"
        yield path, tuple(_FUNCTION.findall(functions))


def wrong(source: Tree, name: str) -> Iterator[str]:
    """A sentence for every file or function that is not where a step says it is."""
    definitions: dict[str, frozenset[str]] = {}
    for step in every_step():
        if not step.exists_in(name) or step.id.startswith(_NOT_XEN):
            continue
        for path, functions in places(step.source.of(name)):
            if path not in definitions:
                there = source.has(path)
                definitions[path] = defined(source.text(path)) if there else frozenset()
            if not source.has(path):
                yield f"{step.id}: there is no {path}"
                continue
            for function in functions:
                if function not in definitions[path]:
                    yield f"{step.id}: {path} does not define {function}()"


def release_of(source: Tree) -> str:
    """The name here of the tree's own release. Raises Error for one that is not known."""
    version, extra = source.version()
    return release("master" if extra == "-unstable" else version).name


def main(arguments: Sequence[str] | None = None) -> int:
    command = command_line.parser("check-sources", __doc__, _EXAMPLES)
    command_line.add_tree(command)
    command.add_argument("--release", metavar="NAME", help="instead of the tree's own version")
    options = command.parse_args(arguments)
    try:
        source = tree(options.tree)
        name = release(options.release).name if options.release else release_of(source)
    except (TreeError, Error) as error:
        print(f"scripts/check-sources: {error}", file=sys.stderr)
        return 2
    if name not in DERIVED_RELEASES:
        print(f"scripts/check-sources: {name} has no derivation here", file=sys.stderr)
        return 2
    faults = list(wrong(source, name))
    for sentence in faults:
        print(f"{name}: {sentence}")
    steps = sum(step.exists_in(name) for step in every_step())
    print(f"{name}: {steps} steps, {len(faults) or 'no'} wrong place{'s' * (len(faults) != 1)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
