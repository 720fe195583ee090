"""Configuration text that gives a guest a level: for xl, for libvirt, for xapi.

xl and libvirt take a difference from what the host gives at boot; xapi takes the level itself.

- xl.cfg(5), `cpuid`: names since Xen 4.18, which reach MSR 10ah as well; before that, and where
  hosts differ in their leaves, registers as strings of 32 characters, which every xl reads and
  which know CPUID only.
- libvirt: `<feature>` below `<cpu mode='host-passthrough'>`, the only mode of its Xen driver, which
  hands the names to libxl (`libvirt`).
- xapi: platform:featureset of a VM; where it is set, xapi takes it instead of the pool's level
  (ocaml/xapi/xapi_xenops.ml).

What a text cannot say is told in it as a comment. Every text is read back, by the rules of the
release that it is for (`reading`), and where the hosts' policies are known a guest is made from it
on each of them (`trial`): a text that does not give the level is not handed out.
"""

from .difference import Difference, EmitError, base
from .libvirt_cpu import libvirt
from .text import Emitted, Short, emitted
from .xapi_platform import xapi
from .xl_cpuid import xl

__all__ = [
    "Difference", "EmitError", "Emitted", "Short", "base", "emitted", "libvirt", "xapi", "xl",
]  # fmt: skip
