"""xapi's record of a host's CPU, Host.cpu_info, of any age: the one reader of it.

    XenServer 6      features: four words, one set for all guests
    XenServer 7      features, features_pv, features_hvm: one set a guest type
    2019 on          features_pv_host, features_hvm_host as well: boot; the others are migration
    2023 on          without features

xapi compares a VM with features_pv or features_hvm alone and refuses where that key is missing
(assert_vm_is_compatible in ocaml/xapi/cpuid_helpers.ml), so what is not in them is not made up
for; what stands for what is said in the notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import fields_dict

from ..errors import InputError
from ..features.featureset import Featureset, FeaturesetError
from .host import Processor, Topology

if TYPE_CHECKING:
    from .parts import Parts

# The keys in which a record has these sets. `host` is xenopsd's own record's only.
KEYS = {
    "host": "features",
    "pv_default": "features_pv_host",
    "hvm_default": "features_hvm_host",
    "pv_max": "features_pv",
    "hvm_max": "features_hvm",
}
# XenServer 6: base_ecx-base_edx-ext_ecx-ext_edx, leaves 1 and 80000001h (xapi's
# cpuid_default_feature_mask says of the first word that it is base_ecx).
OLD_STYLE_WORDS = 4
_OLD_STYLE_ORDER = (1, 0, 3, 2)
# Leaf 1 EDX of every CPU that Xen runs on: FPU TSC MSR PAE CX8 CMOV FXSR SSE SSE2.
_LEAF_1_EDX = 0x07008171
# What a count can be: more digits are no count.
_DIGITS = 7


def of_cpu_info(info: Mapping[str, str], where: str, *, strict: bool = False) -> Parts:
    """A record as xapi stores and prints it. Raises InputError for a featureset that is none.

    `strict`: a count that is none, and a record without a set of guests, are refused too.
    """
    from .parts import Parts  # a set by itself is read without

    sets = {
        name: featureset(info[key], f"{where}: {key}")
        for name, key in KEYS.items()
        if info.get(key, "").strip()
    }
    notes = []
    if set(sets) == {"host"} and sets["host"].length == OLD_STYLE_WORDS:
        words = in_order(sets["host"])
        sets = {"host": words, "pv_default": words, "hvm_default": words}
        notes.append(
            "features has four words in the order of XenServer 6.x (1c, 1d, e1c, e1d): put in "
            "Xen's order; guests got that set at boot, and xapi since XenServer 7 migrates nothing "
            "to such a host"
        )
    for guest in ("pv", "hvm"):
        if f"{guest}_max" in sets and f"{guest}_default" not in sets:
            sets[f"{guest}_default"] = sets[f"{guest}_max"]
            notes.append(
                f"features_{guest}_host is missing: features_{guest} is taken for boot as well"
            )
    if strict and not set(sets) - {"host"}:
        raise InputError(
            f"{where}: there is no featureset of guests: {', '.join(sorted(KEYS.values()))} are "
            "keys of xapi's record"
        )
    lines = {name: info[name] for name in fields_dict(Processor) if info.get(name)}
    counts = {}
    for name in fields_dict(Topology):
        text = info.get(name, "").strip()
        counts[name] = int(text) if _a_count(text) else 0
        if text and not _a_count(text) and strict:
            raise InputError(
                f'{where}: {name}: "{text[:40]}" is not a whole number of up to {_DIGITS} digits'
            )
        if text and not _a_count(text):
            notes.append(f'{name} is "{text[:40]}", which is no count: not counted')
    return Parts(
        sets=sets,
        processor=Processor(**lines) if lines else None,
        topology=Topology(**counts) if counts["cpu_count"] else None,
        notes=tuple(notes),
        recorded=True,
    )


def featureset(text: str, where: str) -> Featureset:
    """Raises InputError, which names the place."""
    try:
        return Featureset.parse(text)
    except FeaturesetError as error:
        raise InputError(f"{where}: {error}") from error


def in_order(old_style: Featureset) -> Featureset:
    """The four words of XenServer 6 in Xen's order."""
    return Featureset.of_words(old_style.words[index] for index in _OLD_STYLE_ORDER)


def orders(words: Featureset) -> tuple[bool, bool]:
    """Whether four words make sense in Xen's order, and in that of XenServer 6.

    The word of leaf 1 EDX has bits that every CPU has which Xen runs on.
    """
    first, second = words.words[0], words.words[1]
    return first & _LEAF_1_EDX == _LEAF_1_EDX, second & _LEAF_1_EDX == _LEAF_1_EDX


def _a_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS
