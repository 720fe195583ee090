"""The settings of an xl.cfg(5) file that decide a guest's CPU policy.

Read is the form of tools/libs/util/libxlu_cfg_l.l: NAME=VALUE or NAME+=VALUE with texts in quotes,
numbers and lists of them, `#` for comments. Settings that do not matter here are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from ..errors import InputError
from ..features.release import Release
from .domain import Config
from .viridian import parameter
from .wishes import Wishes
from .xl import Setting, read

Value = str | list[str]
MAX_LENGTH = 1 << 16
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)|(?P<end>[\n;])|(?P<name>[A-Za-z_]\w*)|(?P<sign>\+?=|[\[\],])
    |(?P<text>"[^"\n]*"|'[^'\n]*')|(?P<number>-?0[xX][0-9a-fA-F]+|-?\d+)""",
    re.VERBOSE,
)
# More digits than these are in no long of C.
_NUMBER = re.compile(
    r"\s{0,9}(?P<sign>[+-]?)"
    r"(?:(?P<octal>0[0-7]{0,22})|(?P<other>0[xX][0-9a-fA-F]{1,16}|[1-9][0-9]{0,18}))"
)
# libxl's defaults: what xl.cfg(5) says of each.
_TYPES = {"pv": "pv", "hvm": "hvm", "pvh": "pvh"}
_ALWAYS_EMULATE = ("always_emulate", "1")


class XlConfigError(InputError):
    """A text that is no xl.cfg; the message names the line."""


@frozen
class Guest:
    """What a configuration asks for. `viridian`: the parameter's value."""

    config: Config
    wishes: Wishes
    setting: Setting
    vcpus: int = 1
    viridian: int = 0


def settings(text: str) -> Mapping[str, Value]:
    """Every setting of the file that is a text, a number or a list of them.

    Raises XlConfigError.
    """
    if len(text) > MAX_LENGTH:
        raise XlConfigError(f"an xl.cfg of more than {MAX_LENGTH} characters")
    tokens = _Tokens(text)
    values: dict[str, Value] = {}
    for kind, name in tokens:
        if kind == "end":
            continue
        if kind != "name":
            raise tokens.error(f'a setting begins with a name, not with "{name[:30]}"')
        _, sign = tokens.take("sign", "=")
        value = _value(tokens)
        if sign == "+=" and name in values:
            value = _joined(values[name], value)
        values[name] = value
    return values


def _joined(before: Value, value: Value) -> Value:
    """What NAME+=VALUE comes to; a value of another kind takes the place of the first."""
    if isinstance(before, list) and isinstance(value, list):
        return before + value
    if isinstance(before, str) and isinstance(value, str):
        return before + value
    return value


class _Tokens:
    """The words of a text, without blanks and comments."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.line = text, 0, 1

    def __iter__(self) -> Iterator[tuple[str, str]]:
        while (token := self.next()) is not None:
            yield token

    def next(self) -> tuple[str, str] | None:
        while self.place < len(self.text):
            match = _TOKEN.match(self.text, self.place)
            if match is None:
                raise self.error(
                    f'"{self.text[self.place : self.place + 20]}" is no part of xl.cfg'
                )
            self.place = match.end()
            kind = match.lastgroup or ""
            self.line += match[0].count("\n")
            if kind != "space":
                return kind, match[0]
        return None

    def take(self, kind: str, text: str) -> tuple[str, str]:
        token = self.next()
        if token is None or token[0] != kind or (kind == "sign" and text not in token[1]):
            raise self.error(f'"{text}" was expected')
        return token

    def error(self, words: str) -> XlConfigError:
        return XlConfigError(f"line {self.line}: {words}")


def _value(tokens: _Tokens) -> Value:
    token = tokens.next()
    match token:
        case ("text", text):
            return text[1:-1]
        case ("number", text):
            return text
        case ("sign", "["):
            return _list(tokens)
        case _:
            raise tokens.error("a text in quotes, a number or a list was expected")


def _list(tokens: _Tokens) -> list[str]:
    """Until the bracket closes; lists within are passed over."""
    items: list[str] = []
    depth = 1
    for kind, text in tokens:
        if kind == "sign" and text in "[]":
            depth += 1 if text == "[" else -1
            if not depth:
                return items
        elif depth == 1 and kind in ("text", "number"):
            items.append(text[1:-1] if kind == "text" else text)
        elif kind == "name" or (kind == "sign" and text != ","):
            raise tokens.error(f'"{text}" cannot stand in a list')
    raise tokens.error("the list is not closed")


def guest(text: str, xen: Release) -> Guest:
    """What xl would create a domain from, as libxl of a release reads it. Raises XlConfigError."""
    values = settings(text)
    kind = _type(values)
    cpuid = values.get("cpuid")
    setting = Setting() if cpuid is None else read(cpuid, xen)
    emulated = _text(values, "tsc_mode") in _ALWAYS_EMULATE
    pinned = _flag(values, "nomigrate")
    nested = _flag(values, "nestedhvm") and kind == "hvm"
    hap = values.get("hap")
    return Guest(
        config=Config(
            type=kind,
            hap=None if hap is None or kind == "pv" else _flag(values, "hap"),
            nested=nested,
            migratable=not pinned,
            vtsc=emulated,
        ),
        wishes=Wishes(
            pae=_flag(values, "pae", True) if kind == "hvm" else True,
            itsc=pinned or emulated,
            nested=nested,
            xend=setting.xend,
            msr=setting.msr,
        ),
        setting=setting,
        vcpus=_number(values, "vcpus", 1),
        viridian=_viridian(values, xen),
    )


def _type(values: Mapping[str, Value]) -> str:
    """`type`, else the older `builder`; PV where neither is there."""
    text = _text(values, "type") or (
        "hvm" if _text(values, "builder") in ("hvm", "generic") else "pv"
    )
    if text not in _TYPES:
        raise XlConfigError(f'type = "{text}": xl knows pv, hvm and pvh')
    return "pvh" if text == "pv" and _flag(values, "pvh") else text


def _text(values: Mapping[str, Value], name: str) -> str:
    value = values.get(name, "")
    return value if isinstance(value, str) else ""


def _flag(values: Mapping[str, Value], name: str, default: bool = False) -> bool:
    return bool(_number(values, name, default))


def _number(values: Mapping[str, Value], name: str, default: int) -> int:
    """As C's strtol() with base 0 reads a whole text. Raises XlConfigError."""
    text = _text(values, name)
    if not text:
        return default
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise XlConfigError(f'{name} = "{text[:60]}" is no number')
    number = int(match["octal"], 8) if match["octal"] else int(match["other"], 0)
    return -number if match["sign"] == "-" else number


def _viridian(values: Mapping[str, Value], xen: Release) -> int:
    value = values.get("viridian", ())
    if isinstance(value, str):
        value = ["defaults"] if _flag(values, "viridian") else []
    try:
        return parameter(value, xen)
    except InputError as error:
        raise XlConfigError(str(error)) from error
