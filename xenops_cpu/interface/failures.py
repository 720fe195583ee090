"""A failed call, and how this service says that one of its own failed.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import define, setters


class XenopsError(Exception):
    """A failed call. Each tag of the error variant is a class of its own below this one."""

    tag: ClassVar[str]
    # True for the class that stands for a tag that this version of the interface does not know.
    catches_unknown: ClassVar[bool] = False

    def __str__(self) -> str:
        return ": ".join([self.tag, ", ".join(map(str, self.args))]) if self.args else self.tag


@define(repr=False, on_setattr=setters.frozen)
class InternalError(XenopsError):
    """Anything else; the text says what was read, where, and what would have been right."""

    tag: ClassVar[str] = "Internal_error"
    message: str
