"""The list spec-ctrl= of Xen's command line, as far as it changes featuresets.

xen/arch/x86/spec_ctrl.c parse_spec_ctrl(), 4.13 to 4.22. Other items are mitigations that no
featureset shows.
"""

from __future__ import annotations

from typing import Final

from .grammar import parse_bool, parse_boolean
from .reader import Reader


def read_spec_ctrl(reader: Reader, value: str, option: str) -> None:
    """The value of spec-ctrl=, item by item."""
    for item in value.split(","):
        _spec_ctrl_item(reader, item, option)


# Items of spec-ctrl= that are plain booleans here, and where each exists.
_SPEC_CTRL_BOOLEANS: Final = {
    "unpriv-mmio": ("unpriv_mmio", "all"),
    "gds-mit": ("gds_mit", "4.14+ xs8 xs8.2"),
    "bp-spec-reduce": ("bp_spec_reduce", "4.17+ xs8/4.17.6-2+"),
    "ssbd": ("ssbd", "all"),
}
# What both spec-ctrl=no and spec-ctrl=no-xen switch off.
_SPEC_CTRL_OFF: Final = {
    "verw_pv": 0, "verw_hvm": 0, "unpriv_mmio": False, "gds_mit": 0, "bp_spec_reduce": False,
    "ssbd": False,
}  # fmt: skip


def _spec_ctrl_item(reader: Reader, item: str, option: str) -> None:
    values = reader.values
    overall = parse_bool(item)
    if overall is False:
        values.update(_SPEC_CTRL_OFF, msr_sc_pv=False, msr_sc_hvm=False)
        if values["tsx"] == -1:
            values["tsx"] = -3
        if values.get("smt", -1) == -1:
            values["smt"] = 1
        return
    wish = parse_boolean("xen", item)
    if wish is False:
        values.update(_SPEC_CTRL_OFF)
        return
    if overall or wish is True:
        reader.bad(option, f'"{item}" is accepted only in the negative')
        return
    for guest in ("pv", "hvm"):
        wish = parse_boolean(guest, item)
        if isinstance(wish, bool):
            values[f"msr_sc_{guest}"] = wish
            values[f"verw_{guest}"] = int(wish)
            return
    for name, key in (("msr-sc", "msr_sc"), ("md-clear", "verw"), ("verw", "verw")):
        if name == "verw" and not reader.in_release("4.15+ xs8 xs8.2"):
            continue
        wish = parse_boolean(name, item)
        if wish is None:
            continue
        _spec_ctrl_for_guests(reader, key, wish, item, option)
        return
    for name, (key, releases) in _SPEC_CTRL_BOOLEANS.items():
        wish = parse_boolean(name, item)
        if wish is not None and reader.in_release(releases):
            if isinstance(wish, bool):
                values[key] = wish
            else:
                reader.bad(option, f'item "{item}" has a value that is neither true nor false')
            return
    if item:
        reader.ignored(option, f'its item "{item}" changes no featureset')


def _spec_ctrl_for_guests(reader: Reader, key: str, wish: object, item: str, option: str) -> None:
    guests: tuple[str, ...] = ("pv", "hvm")
    if not isinstance(wish, bool):  # name=[no-]pv, name=[no-]hvm
        sub = item.partition("=")[2]
        for guest in guests:
            boolean = parse_boolean(guest, sub)
            if isinstance(boolean, bool):
                guests, wish = (guest,), boolean
                break
        else:
            reader.bad(option, f'"{sub}" in the item "{item}" is no boolean, "pv" or "hvm"')
            return
    for guest in guests:
        reader.values[f"{key}_{guest}"] = wish if key == "msr_sc" else int(bool(wish))
