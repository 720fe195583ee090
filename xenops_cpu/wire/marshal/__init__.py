"""Typed values to and from rpclib's value tree, the form that both wires share.

The tree is str, int, bool, float, None, bytes, list and dict. XML writes an int as bare text, so
from XML it arrives as a str; a reader therefore takes for an int whatever OCaml's int_of_string
takes (rpclib 10.2).

`reader(type)` and `writer(type)` compile a function for a type once and keep it. Types are written
as in annotations: str, int (63 bits, as in OCaml), Annotated[int, "int64"], bool, float, None,
list[X], dict[str, X], tuple[...], X | None, an Enum, a frozen attrs record, a class with a `tag`,
and a union of such classes, which is a variant. Both kinds of function raise MarshalError, whose
text names the member.
"""

from .arguments import arguments_reader, arguments_writer
from .scalars import INT64_MAX, INT64_MIN, MarshalError, Reader, Value, Writer, describe, shown
from .types import is_constant_record, reader, writer

__all__ = [
    "INT64_MAX",
    "INT64_MIN",
    "MarshalError",
    "Reader",
    "Value",
    "Writer",
    "arguments_reader",
    "arguments_writer",
    "describe",
    "is_constant_record",
    "reader",
    "shown",
    "writer",
]
