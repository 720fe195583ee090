"""libxc's own level of two featuresets, where it has one: XenServer's and XCP-ng's libxc.

    void xc_combine_cpu_featuresets(const uint32_t *p1, const uint32_t *p2,
                                    uint32_t *out, size_t len)

(tools/libs/guest/xg_cpuid_x86.c, patch libxc-cpu-policies.) It asks no hypervisor. Its sibling
xc_cpu_featuresets_are_compatible is not called: it writes names into 128 bytes without counting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..features.featureset import MAX_WORDS, Featureset
from . import libxc, libxc_errors

Combine = Callable[[Featureset, Featureset], Featureset]


def combine_of_libxc() -> Combine | None:
    """libxc's function; None where the binding or the function is not there."""
    try:
        binding: Any = libxc._binding()
    except libxc_errors.XenError:
        return None
    ffi, lib = binding.ffi, binding.lib

    def combine(left: Featureset, right: Featureset) -> Featureset:
        length = max(left.length, right.length)
        # As many words as there can be, whatever the function looks at beyond those it is told of.
        words = [ffi.new(f"uint32_t[{MAX_WORDS}]", list(each.words)) for each in (left, right)]
        out = ffi.new(f"uint32_t[{MAX_WORDS}]")
        if lib.xenops_combine(*words, out, length) != 0:
            raise libxc_errors.CallUnsupported("this libxc has no xc_combine_cpu_featuresets")
        return Featureset.of_words(ffi.unpack(out, length))

    return None if lib.xenops_combine(*[ffi.new("uint32_t[1]") for _ in range(3)], 1) else combine
