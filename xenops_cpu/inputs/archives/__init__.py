"""Archives from strangers: tar (plain, gzip, bzip2) and zip, as a stream of members.

The standard library's readers trust what an archive says of itself: tarfile takes a header of any
length into memory, zipfile a directory of any length. Here sizes are counted as bytes come out, a
name is only ever a label, and of all kinds of members only plain files are looked at.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from ...limits import input_limits
from ..value import InputError
from . import tar, zip
from .account import CHUNK, Account, Chunks, Damaged, Member, OverBudget
from .packed import Inflate, Stream, unpacked

_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".zip")

Wanted = Callable[[str], bool]


def kind(head: bytes) -> str | None:
    """zip, bzip2, gzip, xz or tar, by the first 512 bytes; None for anything else."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"BZh"):
        return "bzip2"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    return "tar" if tar.recognises(head) else None


def members(file: BinaryIO, select: Wanted) -> Iterator[Member]:
    """The wanted files of an archive, also of archives in it (one level deep).

    A compressed file that is no tar is a single member without a name. Raises InputError for what
    is no archive, Damaged where it cannot be read on.
    """
    account = Account()
    head = file.read(tar.BLOCK)
    file.seek(0)
    if kind(head) == "zip":
        yield from _chosen(zip.files(file, account), select, account, "")
    else:
        raw = file if kind(head) == "tar" else None
        yield from _streamed(kind(head), _chunks(file, account), select, account, "", raw)


def plain(file: BinaryIO, account: Account) -> Chunks:
    """What is no archive, within the budget of one."""
    for chunk in _chunks(file, account):
        account.make(len(chunk))
        yield chunk


def ungzipped(member: Member) -> Chunks:
    """What a gzipped member unpacks to, up to where it is damaged. Raises OverBudget."""
    inflate = Inflate()
    for chunk in member.chunks:
        member.account.take(0)
        try:
            for text in inflate.feed(chunk):
                member.account.make(len(text))
                yield text
        except OverBudget:
            raise
        except Damaged:
            return


def _streamed(
    packing: str | None,
    chunks: Chunks,
    select: Wanted,
    account: Account,
    inside: str,
    raw: BinaryIO | None = None,
) -> Iterator[Member]:
    if packing in ("gzip", "bzip2"):
        chunks = unpacked(packing, chunks, account)
    elif packing == "xz":
        raise InputError("xz is not read here: unpack it first (xz -d)")
    elif packing != "tar":
        raise InputError(f"{inside or 'this'} is no archive")
    stream = Stream(chunks, raw)
    if tar.recognises(stream.peek(tar.BLOCK)):
        yield from _chosen(tar.files(stream, account), select, account, inside)
        if raw is None:  # the checksum of compressed data comes after the tar's end
            for _ in stream.remainder():
                pass
    else:
        yield Member(inside.rstrip("/"), stream.remainder(), account)


def _chosen(
    files: Iterator[tuple[str, Chunks]], select: Wanted, account: Account, inside: str
) -> Iterator[Member]:
    """The wanted files, and those of the archives among the files where these are not inner."""
    for name, contents in files:
        if select(name):
            yield Member(inside + name, contents, account)
        elif not inside and name.lower().endswith(_SUFFIXES):
            folder = f"{name}/"
            if name.lower().endswith(".zip"):
                # Held in memory, as its directory is at its end.
                data = io.BytesIO(Member(name, contents).read(input_limits.INNER_ZIP_BYTES))
                yield from _chosen(zip.files(data, account), select, account, folder)
            else:
                stream = Stream(contents)
                packing = kind(stream.peek(tar.BLOCK))
                yield from _streamed(packing, stream.remainder(), select, account, folder)


def _chunks(file: BinaryIO, account: Account) -> Chunks:
    while chunk := file.read(CHUNK):
        account.take(len(chunk))
        yield chunk


__all__ = ["Account", "Damaged", "Member", "OverBudget", "kind", "members", "plain", "ungzipped"]
