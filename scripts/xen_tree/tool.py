"""tools/misc/xen-cpuid.c: what Xen's own tool calls the words and bits, and how it prints them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .header import WORD_BITS, Feature
from .tree import Tree, TreeError, without_comments

TOOL = "tools/misc/xen-cpuid.c"
_GENERATED = "INIT_FEATURE_VAL_TO_NAME"

_SET = re.compile(r"\[XEN_SYSCTL_cpu_featureset_(\w+)\]\s*=\s*(?:\{\s*)?\"([^\"]+)\"", re.MULTILINE)
_STATIC = re.compile(r"decode_featureset\(\s*xc_get_static[^;]*?\"([^\"]+)\"\s*,\s*detail\)")
_ROW = re.compile(r"\{\s*\"([^\"]+)\",\s*\"([^\"]+)\"(?:,\s*(str_\w+)(?:\s*\+\s*(\d+))?)?\s*\}")
_TABLE = re.compile(r"\b(str_\w+)\[\w*\]\s*=\s*\{(.*?)\};", re.DOTALL)
_NAME = re.compile(r"\[\s*(\d+)(?:\s*\.\.\.\s*(\d+))?\s*\]\s*=\s*\"([^\"]*)\"")


def tool(tree: Tree, features: Iterable[Feature], common_1d: Iterable[int]) -> dict[str, Any]:
    """The tool of a tree. From 4.19 it takes its names for bits from the header: of `features`,
    with those of leaf 1 (`common_1d`) a second time at AMD's copies. Raises TreeError.
    """
    text = without_comments(tree.text(TOOL))
    generated = _GENERATED in text
    if generated:
        rows = _rows(text, "leaf_info")
        names = _generated(features, common_1d)
        bits = [names[i * WORD_BITS : (i + 1) * WORD_BITS] for i in range(len(rows))]
    else:
        rows = _rows(text, "decodes")
        tables = {name: _bits(body) for name, body in _TABLE.findall(text)}
        bits = [_part(tables, row[2], int(row[3] or 0)) for row in rows]
    return {
        "names_generated": generated,
        "column_width": int(_only_match(text, r"#define COL_ALIGN \"(\d+)\"")),
        "separators_accepted": re.findall(r"\*ptr == '(.)'", text),
        "separator_printed": _only_match(text, r"length - 1 \? '(.)' : '\\n'"),
        "options": _only_match(text, r"getopt_long\(argc, argv, \"([\w:]+)\""),
        "usage": _only_match(text, r"\"(Usage: [^\"\\]*)\\n\""),
        "dynamic_set_names": dict(_SET.findall(text)),
        "static_set_names": _STATIC.findall(text),
        "policy_option": '"policy"' in text,
        "words": [
            {"index": index, "title": row[0], "abbr": row[1], "bits": names_of_word}
            for index, (row, names_of_word) in enumerate(zip(rows, bits, strict=True))
        ],
    }


def _only_match(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise TreeError(f"{TOOL}: nothing looks like {pattern}; scripts/xen_tree has to learn it")
    return match[1]


def _rows(text: str, table: str) -> list[tuple[str, str, str, str]]:
    body = re.search(rf"\b{table}\[\]\s*=\s*\{{(.*?)\n\}};", text, re.DOTALL)
    if body is None:
        raise TreeError(f"{TOOL} has no table {table}")
    return _ROW.findall(body[1])


def _bits(body: str) -> list[str | None]:
    """Of a table of names by bit; as long as it needs to be, in whole words."""
    names: dict[int, str] = {}
    for first, last, name in _NAME.findall(body):
        names.update(dict.fromkeys(range(int(first), int(last or first) + 1), name))
    length = -(-(max(names, default=0) + 1) // WORD_BITS) * WORD_BITS
    return [names.get(bit) for bit in range(length)]


def _part(tables: dict[str, list[str | None]], name: str, start: int) -> list[str | None]:
    if name not in tables:
        raise TreeError(f"{TOOL} has no table {name}")
    part = tables[name][start : start + WORD_BITS]
    return part + [None] * (WORD_BITS - len(part))


def _generated(features: Iterable[Feature], common_1d: Iterable[int]) -> list[str | None]:
    names = {feature.number: cmdline_name(feature.name) for feature in features}
    copies = {number + 2 * WORD_BITS: names[number] for number in common_1d}
    names = copies | names
    return [names.get(number) for number in range((max(names) // WORD_BITS + 2) * WORD_BITS)]


def cmdline_name(name: str) -> str:
    """What cpuid= and xen-cpuid call a feature."""
    return name.lower().replace("_", "-")
