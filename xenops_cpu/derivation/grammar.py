"""The small words of Xen's command line: truth values, items of lists, the search for names.

xen/common/kernel.c parse_bool(), parse_boolean(), cmdline_strcmp(), 4.13 to 4.22.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_BOOLEANS: Final = {
    "1": True, "on": True, "yes": True, "true": True, "enable": True,
    "0": False, "off": False, "no": False, "false": False, "disable": False,
}  # fmt: skip
# Where a name of cpuid= may end inside an item.
_NAME_ENDS: Final = b",:;="
_NAMED: Final = object()  # the name is there, its value is no boolean


def parse_bool(text: str) -> bool | None:
    """One of Xen's ten words for true and false; None for anything else."""
    return _BOOLEANS.get(text)


def parse_boolean(name: str, item: str) -> object:
    """An item `name`, `no-name` or `name=BOOL` of a list: its truth value.

    None: the item is about something else. _NAMED: it begins with `name=` but what follows is no
    boolean.
    """
    negative = item.startswith("no-")
    value_text = item[3:] if negative else item
    if not value_text.startswith(name):
        return None
    value_text = value_text[len(name) :]
    if not value_text:
        return not negative
    if negative or not value_text.startswith("="):
        return None
    value = parse_bool(value_text[1:])
    return _NAMED if value is None else value


def find_name(names: Sequence[bytes], item: str) -> int | None:
    """The index of the name that Xen's binary search finds for an item of cpuid=.

    The item is compared up to the end of a name, which matches if one of `,:;=` or the end
    follows. "=" sorts above digits and "-": where longer names begin like this one, NAME=BOOL
    may walk past it.
    """
    key = item.removeprefix("no-").encode("utf-8", "surrogateescape") + b"\0"
    low, high = 0, len(names)
    while low < high:
        middle = low + (high - low) // 2
        order = _compare(key, names[middle])
        if order < 0:
            high = middle
        elif order > 0:
            low = middle + 1
        else:
            return middle
    return None


def _compare(key: bytes, name: bytes) -> int:
    for position, byte in enumerate(name):
        if key[position] != byte:
            return key[position] - byte
    end = key[len(name)]
    return 0 if end in _NAME_ENDS else end
