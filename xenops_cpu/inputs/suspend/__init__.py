"""Suspend images: the VM's CPU policy out of what xenopsd, xl and others save.

    xenopsd    "XenSavedDomv2-\\n", then headers (type, length: 64 bits, little-endian) with bodies;
               type f0 is followed by a libxc stream          xapi, suspend_image.ml
    xl         "Xen saved domain, xl format\\n \\0 \\r", flags, the configuration as JSON, then a
               libxl stream                                   xen/tools/xl/xl.h
    libxl      "LibxlFmt", records; record 1 is followed by a libxc stream
                                                              xen/docs/specs/libxl-migration-stream
    bare       a libxc stream

In any other framing (libvirt's, for one) the stream is looked for by its marker.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from ...cpuid.words import guest_featureset
from ...features.featureset import Featureset, FeaturesetError
from ...features.fit import fit
from ...hosts.host import UNTOLD
from ...limits import input_limits
from ...pools.vm import Vm, with_policy
from ...text import json_text
from ..value import Input, InputError, printable
from . import libxc
from .cursor import Cursor, CutShort
from .libxc import MARKER, Stream

_XENOPSD = b"XenSavedDomv2-\n"
_XENOPSD_OLD = b"XenSavedDomain\n"
_XL = b"Xen saved domain, xl format\n \0 \r"
_LIBXL = b"LibxlFmt"
_LIBVIRT = b"libvirt-xml\n"

_XENOPS, _LIBXC, _LIBXL_RECORD, _LIBXC_OLD, _FOOTER = 0x0F, 0xF0, 0xF1, 0xF2, 0xFFFF
_KNOWN = frozenset({0x0F00, 0x0F01, 0x0F10, 0x0F11, 0x0F12, 0x0F13})

_MAX_HEADERS = 64

_FEATURESET = re.compile(r'featureset[\\" ]+([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{8})+)')
# A name of at most so many letters and escapes, so that no text is gone over again and again.
_NAME = re.compile(r'\(name[\\ ]{1,40}(?:"((?:[^"\\]|\\\\.){1,500}?)\\{0,40}"|([^\s()"\\]{1,500}))')


def recognises(head: bytes) -> bool:
    """By the first 64 bytes."""
    return head.startswith((_XENOPSD, _XENOPSD_OLD, _XL, _LIBXL, _LIBVIRT, MARKER))


def read(file: BinaryIO, name: str, where: str) -> Input:
    """The VM of an image, with kind "suspend-image". Raises InputError."""
    cursor = Cursor(file, where)
    head = cursor.take(min(64, cursor.size), "the image")
    cursor.at = 0
    reading = _Reading(cursor)
    if head.startswith(_XENOPSD):
        reading.xenopsd()
    elif head.startswith(_XL):
        reading.xl()
    elif head.startswith(_LIBXL):
        reading.libxl("a libxl stream")
    elif head.startswith(_XENOPSD_OLD):
        raise InputError(
            f"{where}: an image in xenopsd's old format (XenServer 6.2 and earlier), which has no "
            "CPU policy; images of XenServer 7 and later are read"
        )
    elif head.startswith(MARKER):
        reading.libxc()
    else:
        reading.search()
    return reading.done(name)


def search(file: BinaryIO, name: str, where: str) -> Input:
    """A binary file of no known format: an image, if a stream's marker is near its beginning."""
    reading = _Reading(Cursor(file, where))
    reading.search()
    return reading.done(name)


class _Reading:
    """What the framing tells, and the stream in it."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.framing = "a bare libxc stream"
        self.vm_name = ""
        self.remembered: Featureset | None = None
        self.stream: Stream | None = None
        self.damage = ""

    def libxc(self) -> None:
        self.stream = libxc.read(self.cursor)
        self.damage = self.damage or self.stream.damage

    def xenopsd(self) -> None:
        self.framing = "xenopsd's suspend image"
        self.cursor.skip(len(_XENOPSD), "the signature")
        for _ in range(_MAX_HEADERS):
            try:
                kind, length = self.cursor.fields("<QQ", "a header of xenopsd")
                if kind == _FOOTER or (kind not in _KNOWN and self.stream is not None):
                    break
                self.xenopsd_part(kind, length)
            except CutShort as error:
                if self.stream is None:
                    raise
                self.damage = str(error)
            if self.damage or (self.stream is not None and not self.stream.whole):
                return
        if self.stream is None:
            raise InputError(f"{self.cursor.where}: no memory image (header f0) is in it")
        if kind != _FOOTER:
            self.damage = str(self.unknown(kind))

    def xenopsd_part(self, kind: int, length: int) -> None:
        if kind == _XENOPS:
            start = self.cursor.at
            text = self.cursor.take(min(length, input_limits.IMAGE_TEXT_BYTES), "xenopsd's record")
            self.cursor.at = start
            self.cursor.skip(length, "xenopsd's record")
            self.remember(text.decode("utf-8", "replace"))
        elif kind == _LIBXC:
            self.libxc()
        elif kind == _LIBXL_RECORD:
            self.libxl(self.framing)
        elif kind == _LIBXC_OLD:
            raise InputError(
                f"{self.cursor.where}: a memory image of Xen 4.4 or earlier, which has no CPU "
                "policy; those of Xen 4.14 and later have one"
            )
        elif kind in _KNOWN:
            self.cursor.skip(length, f"the record of type {kind:#x}")
        else:
            raise self.unknown(kind)

    def unknown(self, kind: int) -> InputError:
        place = self.cursor.at - 16
        return InputError(
            f"{self.cursor.where}: the header at byte {place} has type {kind:#x}, which is none "
            "of xenopsd's"
        )

    def remember(self, record: str) -> None:
        """The name and the featureset in xenopsd's record: an S-expression in one, or JSON."""
        if match := _FEATURESET.search(record):
            try:
                self.remembered = Featureset.parse(match[1])
            except FeaturesetError as error:
                raise InputError(f"{self.cursor.where}: xenopsd's record: {error}") from error
        if match := _NAME.search(record):
            self.vm_name = printable(match[1] or match[2])

    def xl(self) -> None:
        self.framing = "a file of xl save"
        cursor = self.cursor
        cursor.skip(len(_XL), "the signature")
        order = "<" if cursor.take(4, "xl's header") == b"\x04\x03\x02\x01" else ">"
        flags, _, length = cursor.fields(f"{order}III", "xl's header")
        if not flags & 2:
            raise InputError(
                f"{cursor.where}: saved by xl of Xen 4.5 or earlier, in a format without a CPU "
                "policy; files of Xen 4.14 and later have one"
            )
        start = cursor.at
        text = cursor.take(min(length, input_limits.IMAGE_TEXT_BYTES), "xl's configuration")
        cursor.at = start
        cursor.skip(length, "xl's configuration")
        self.configured(text[4:].rstrip(b"\0"))
        self.libxl(self.framing)

    def configured(self, text: bytes) -> None:
        """The domain's name; a configuration that cannot be read is no obstacle."""
        try:
            name = json_text.parse(text.decode())["c_info"]["name"]
        except (ValueError, KeyError, TypeError):
            return
        self.vm_name = printable(str(name))

    def libxl(self, framing: str) -> None:
        self.framing = framing
        cursor = self.cursor
        magic, version, options = cursor.fields(">8sII", "the libxl header")
        if magic != _LIBXL or version != 2:
            raise InputError(
                f"{cursor.where}: no libxl stream of version 2 at byte {cursor.at - 16}"
            )
        order = ">" if options & 1 else "<"
        try:
            for _ in range(_MAX_HEADERS):
                kind, length = cursor.fields(f"{order}II", "a libxl record header")
                cursor.skip(length + -length % 8, f"the libxl record of type {kind:#x}")
                if kind == 1:
                    self.libxc()
                if kind == 0 or self.damage or (self.stream and not self.stream.whole):
                    break
        except CutShort as error:
            if self.stream is None:
                raise
            self.damage = str(error)

    def search(self) -> None:
        """The marker of a stream behind a framing that is not known here."""
        cursor = self.cursor
        data = cursor.take(min(input_limits.IMAGE_SEARCHED_BYTES, cursor.size), "the image")
        libxl, bare = data.find(_LIBXL), data.find(MARKER)
        if bare < 0:
            raise InputError(
                f"{cursor.where}: a binary file of no known format: no image, archive or text"
            )
        self.framing = (
            "a file of libvirt's" if data.startswith(_LIBVIRT) else "a framing not known here"
        )
        if 0 <= libxl < bare:
            cursor.at = libxl
            self.libxl(self.framing)
        else:
            cursor.at = bare
            self.libxc()

    def done(self, name: str) -> Input:
        stream = self.stream
        if stream is None:
            raise InputError(f"{self.cursor.where}: no libxc stream is in it")
        featureset, notes = UNTOLD, []
        if stream.policy is not None:
            featureset = guest_featureset(stream.policy, fit(stream.xen or "4.14", 0).release)
        elif self.remembered is not None:
            featureset = self.remembered
            notes.append("the stream has no CPU policy: the featureset is of xenopsd's record")
        else:
            raise InputError(
                f"{self.cursor.where}: version {stream.version} of the libxc stream, and no CPU "
                "policy in it; Xen 4.14 and later write version 3, with the policy"
            )
        if self.remembered is not None and stream.policy is not None:
            notes.append(f"xenopsd's record has the featureset {self.remembered}")
        writer = f"Xen {stream.xen}" if stream.xen else "the converter of old streams"
        order = ", big-endian" if stream.big_endian else ""
        vm = Vm(
            name=self.vm_name or name,
            guest=stream.guest,
            features=featureset,
            suspended=True,
            source=(
                f"{self.framing}: libxc stream version {stream.version}{order}, "
                f"{stream.title}, saved by {writer}"
            ),
            notes=tuple(notes),
        )
        if stream.policy is not None:
            vm = with_policy(vm, stream.policy)
        return Input(
            name,
            "suspend-image",
            featureset=featureset,
            policy=stream.policy,
            vms=(vm,),
            notes=vm.notes,
            damage=self.damage,
        )
