"""A Xen release's tables of features, out of its source, as scripts/import-features reads them.

What is read: public/arch-x86/cpufeatureset.h and sysctl.h, tools/gen-cpuid.py (its table of
dependencies; it is not run), tools/misc/xen-cpuid.c, the Makefile's version.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from . import command_line, gen_cpuid, header, tool
from .header import WORD_BITS, Feature
from .tree import Tree, TreeError, tree

SYSCTL = "xen/include/public/sysctl.h"

_EXAMPLES = """  scripts/describe-xen ../xen                       # to standard output
  scripts/describe-xen ../xen --output 4.22.json && scripts/import-features 4.22.json
  scripts/describe-xen ../xen --name xenserver-8-4.17.6-2 --patch-queue "xen.pg XS-8 (4.17.6-2)"

exit codes: 0 done, 1 the tree is not Xen's source or has something new, 2 wrong use
"""


def describe(source: Tree, name: str = "", patch_queue: str | None = None) -> dict[str, Any]:
    """The description. `name`: the release's; the tree's version without it. Raises TreeError."""
    features = header.features(source)
    numbers = {feature.name: feature.number for feature in features}
    rules = gen_cpuid.rules(source, numbers)
    words = header.words(source)
    words += header.reserved(len(words), rules.reserved)
    length = len(words)
    if features[-1].number >= length * WORD_BITS:
        raise TreeError(f"{header.HEADER}: {features[-1].name} lies beyond word {length - 1}")
    deep = gen_cpuid.closure(rules.dependencies)
    commit = source.commit()
    version, extra = source.version()
    sysctl = source.text(SYSCTL)
    sets = _indices(sysctl, "featureset")
    return {
        "xen": name or ("master" if extra == "-unstable" else version),
        "patch_queue": patch_queue,
        "git_ref": commit.branch or f"Xen {version}{extra}",
        "commit": commit.hash,
        "commit_date": commit.date,
        "describe": commit.title,
        "sysctl_interface_version": _interface(sysctl),
        "sysctl_cpu_featureset_indices": sets,
        "sysctl_cpu_policy_indices": _indices(sysctl, "policy"),
        "max_featuresets_available": "pv_max" in sets,
        "nr_words": length,
        "words": list(words),
        "max_default_split": "a" in rules.letters,
        "has_simple_or": "|" in rules.letters,
        "common_1d": f"{sum(1 << number for number in rules.common_1d):08x}",
        "masks": _masks(features, rules, length) | {"deep_features": _mask(deep, length)},
        "features": [_feature(feature) for feature in features],
        "deep_deps": _dependents(features, deep, length),
        "cpuid_cmdline_names": _cmdline_names(source, features, rules.pseudo),
        "xen_cpuid_tool": tool.tool(source, features, rules.common_1d),
    }


def _mask(numbers: Iterable[int], length: int) -> list[str]:
    bits = sum(1 << number for number in set(numbers))
    return [f"{bits >> WORD_BITS * word & 0xFFFFFFFF:08x}" for word in range(length)]


# The masks and the letters that put a feature into each (gen-cpuid.py crunch_numbers()).
_MASKS = {
    "pv_def": "A", "pv_max": "Aa",
    "hvm_shadow_def": "AS", "hvm_shadow_max": "AaSs",
    "hvm_hap_def": "ASH", "hvm_hap_max": "AaSsHh",
}  # fmt: skip


def _masks(
    features: Sequence[Feature], rules: gen_cpuid.Rules, length: int
) -> dict[str, list[str] | None]:
    def having(letters: str) -> list[str]:
        chosen = (f.number for f in features if set(f.annotation) & set(letters))
        return _mask(chosen, length)

    known = [feature.number for feature in features]
    if rules.knows_copies:
        known += [number + 2 * WORD_BITS for number in rules.common_1d]
    masks: dict[str, list[str] | None] = {
        "known": _mask(known, length),
        "special": having("!"),
        "simple_or": having("|") if "|" in rules.letters else None,
    }
    return masks | {name: having(letters) for name, letters in _MASKS.items()}


def _feature(feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "number": feature.number,
        "word": feature.number // WORD_BITS,
        "bit": feature.number % WORD_BITS,
        "annotation": feature.annotation,
        "special": "!" in feature.annotation,
        "simple_or": "|" in feature.annotation,
        "exposure": "".join(letter for letter in feature.annotation if letter not in "!|"),
    }


def _dependents(
    features: Sequence[Feature], deep: dict[int, set[int]], length: int
) -> dict[str, Any]:
    names = {feature.number: feature.name for feature in features}
    return {
        names[base]: {
            "number": base,
            "features": [names[number] for number in sorted(dependents) if number in names],
            "unnamed_bits": [number for number in sorted(dependents) if number not in names],
            "mask": _mask(dependents, length),
        }
        for base, dependents in deep.items()
    }


def _cmdline_names(
    source: Tree, features: Sequence[Feature], pseudo: tuple[str, ...]
) -> dict[str, int] | None:
    """None where the hypervisor has no table of all names (before 4.13)."""
    files = ("xen/arch/x86/cpu-policy.c", "xen/arch/x86/cpuid.c")
    if not any("= INIT_FEATURE_NAME" in source.text(file) for file in files if source.has(file)):
        return None
    names = {tool.cmdline_name(feature.name): feature.number for feature in features}
    return dict(sorted((names | dict.fromkeys(pseudo, 0xFFFFFFFF)).items()))


def _interface(sysctl: str) -> int:
    match = re.search(r"#define XEN_SYSCTL_INTERFACE_VERSION (0x[0-9a-fA-F]+)", sysctl)
    if match is None:
        raise TreeError(f"{SYSCTL} does not say XEN_SYSCTL_INTERFACE_VERSION")
    return int(match[1], 16)


def _indices(sysctl: str, kind: str) -> dict[str, int]:
    pairs = re.findall(rf"#define XEN_SYSCTL_cpu_{kind}_(\w+)\s+(\d+)", sysctl)
    return {name: int(index) for name, index in pairs}


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "describe-xen",
        "Describe the features of a Xen release from a tree of its source, as JSON for "
        "scripts/import-features (docs/add-a-release.md).",
        _EXAMPLES,
    )
    command_line.add_tree(command)
    command.add_argument("--name", default="", help="the release's name here; else of its version")
    command.add_argument("--patch-queue", metavar="TEXT", help="where a patched Xen's are from")
    command.add_argument("--output", metavar="FILE", type=Path, help="instead of standard output")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        text = json.dumps(describe(tree(options.tree), options.name, options.patch_queue), indent=1)
        if options.output is None:
            print(text)
        else:
            options.output.write_text(text + "\n")
    except (TreeError, OSError) as error:
        print(f"scripts/describe-xen: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
