"""libxc in Python: one handle and its calls.

Every failure is one of libxc_errors, with the remedy. The binding `_libxc` is compiled (see
libxc_build); where it was not, or where its libraries are not on this machine, `Handle` says so.
"""

from __future__ import annotations

import errno
import importlib
import os
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

from .. import files
from ..cpuid.policy import Policy
from ..features.featureset import MAX_WORDS, Featureset
from .info import DomainInfo, Physinfo
from .libxc_errors import (
    ATTEMPTS,
    ELSEWHERE,
    OTHER_SOURCES,
    BindingMissing,
    CallFailed,
    LibraryMissing,
    NotDom0,
    NotUnderXen,
    PermissionMissing,
    XenError,
    error_of,
)

DEVICES = (Path("/dev/xen/privcmd"), Path("/proc/xen/privcmd"))
HYPERVISOR_TYPE = Path("/sys/hypervisor/type")
FEATURE_FLAGS = Path("/sys/hypervisor/properties/features")
CAPABILITIES = Path("/proc/xen/capabilities")
_WORDS = 4096  # more bytes than any of these files has

# xen_cpuid_leaf_t and xen_msr_entry_t, whose layout the binding was compiled against.
LEAF, MSR = struct.Struct("=6I"), struct.Struct("=IIQ")
DOMAINS_AT_ONCE = 256
# What libxc calls what the binding calls for several releases.
_PUBLIC = {
    "xenops_policy_size": "xc_cpu_policy_size",
    "xenops_policy": "xc_cpu_policy",
    "xenops_domain_policy": "xc_cpu_policy_get_domain",
    "xenops_microcode": "xc_get_ucode_revision",
}
# XENFEAT_dom0 (xen/include/public/features.h).
DOM0_FLAG = 1 << 11


def is_dom0() -> bool:
    """Whether this is the domain that controls a Xen host, as Linux reports it."""
    try:
        return bool(int(files.head(FEATURE_FLAGS, _WORDS), 16) & DOM0_FLAG)
    except ValueError:  # it is not there, or not a number
        pass
    try:
        return b"control_d" in files.head(CAPABILITIES, _WORDS)
    except files.FileError:
        return False


@cache
def _binding() -> Any:
    name = f"{__package__}._libxc"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise BindingMissing(
            "xenops_cpu was installed without its binding to libxenctrl",
            "install libxen-dev (xen-devel, or xen-dom0-libs-devel on XenServer) and a C compiler, "
            f"then install xenops_cpu again from source; outside dom0, choose {OTHER_SOURCES}",
        ) from error
    except ImportError as error:
        raise LibraryMissing(
            f"Xen's libraries cannot be loaded: {error}",
            "install Xen's tools of that release (libxenmisc* on Debian, xen-dom0-libs on "
            "XenServer), or install xenops_cpu again from source where libxen-dev of this "
            f"machine's release is installed; outside dom0, choose {OTHER_SOURCES}",
        ) from error


def missing() -> XenError | None:
    """What keeps the binding from being loaded here; None where it is there."""
    try:
        _binding()
    except (BindingMissing, LibraryMissing) as error:
        return error
    return None


def _check_device() -> None:
    """Before libxc looks, because without the device libxencall may write to stderr by itself."""
    names, reason = " nor ".join(map(str, DEVICES)), "missing"
    for device in DEVICES:
        try:
            os.close(files.device(device, os.O_RDWR))
        except PermissionError as error:
            raise PermissionMissing(
                f"{device} may not be opened: {error.strerror}", "run it as root"
            ) from error
        except OSError as error:
            reason = error.strerror or reason
            continue
        return
    try:
        under_xen = files.head(HYPERVISOR_TYPE, _WORDS).strip() == b"xen"
    except files.FileError:
        under_xen = False
    if not under_xen:
        raise NotUnderXen(
            f"this machine does not run under Xen (there is neither {names})", ELSEWHERE
        )
    if FEATURE_FLAGS.exists() and not is_dom0():
        raise NotDom0("this is a Xen domain, but not dom0", ELSEWHERE)
    raise NotUnderXen(
        f"this machine runs under Xen, but neither {names} can be opened ({reason})",
        "load the kernel module xen-privcmd (modprobe xen-privcmd) in dom0",
    )


class Handle:
    """An open libxc interface; a context manager, which closes it on every path."""

    def __init__(self) -> None:
        self._library = _binding()
        _check_device()
        lib = self._library.lib
        lib.xenops_clear_message()
        self._xch = lib.xenops_open()
        if self._xch == self._library.ffi.NULL:
            error = self._library.ffi.errno
            if error in (errno.EACCES, errno.EPERM):
                raise PermissionMissing(
                    f"xc_interface_open: {os.strerror(error)}", "run it as root"
                )
            raise error_of("xc_interface_open", error, self._message())

    def __enter__(self) -> Handle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._library.lib.xc_interface_close(self._xch)

    def version(self) -> str:
        """Like `4.17.7`: version and the first line of extraversion."""
        number = self._call("xc_version", self._library.lib.XENVER_version, self._library.ffi.NULL)
        extra = self._text(self._library.lib.XENVER_extraversion)
        return f"{number >> 16}.{number & 0xFFFF}{extra}"

    def capabilities(self) -> str:
        """As Xen gives it, with a blank behind each: so xenopsd hands it on to xapi."""
        return self._text(self._library.lib.XENVER_capabilities)

    def commandline(self) -> str:
        return self._text(self._library.lib.XENVER_commandline)

    def physinfo(self) -> Physinfo:
        lib = self._library.lib
        info = self._library.ffi.new("struct xen_sysctl_physinfo *")
        self._call("xc_physinfo", info)
        return Physinfo(
            threads_per_core=info.threads_per_core,
            cores_per_socket=info.cores_per_socket,
            nr_cpus=info.nr_cpus,
            nr_nodes=info.nr_nodes,
            cpu_khz=info.cpu_khz,
            hvm=bool(info.capabilities & lib.XEN_SYSCTL_PHYSCAP_hvm),
            iommu=bool(info.capabilities & lib.XENOPS_PHYSCAP_IOMMU),
        )

    def featureset_length(self, index: int = 0) -> int:
        """In words, as the hypervisor has it: not the library's number."""
        length = self._library.ffi.new("uint32_t *")
        self._call("xc_get_cpu_featureset", index, length, self._library.ffi.NULL)
        return int(length[0])

    def featureset(self, index: int, length: int) -> Featureset | None:
        """Set `index` of the sysctl; `length` is what is expected. None: there is no such set."""
        ffi = self._library.ffi
        for _ in range(3):
            words, count = ffi.new("uint32_t[]", max(length, 1)), ffi.new("uint32_t *", length)
            try:
                self._call("xc_get_cpu_featureset", index, count, words)
            except CallFailed as failure:
                if failure.error == errno.EINVAL:
                    return None
                if failure.error != errno.ENOBUFS:
                    raise
                length = self.featureset_length(index)
                continue
            if count[0] > MAX_WORDS:
                raise CallFailed(
                    f"xc_get_cpu_featureset: {count[0]} words, at most {MAX_WORDS} are possible"
                )
            return Featureset.of_words(ffi.unpack(words, count[0]))
        raise CallFailed("xc_get_cpu_featureset: the number of words changes from call to call")

    def domains(self) -> Iterator[DomainInfo]:
        """The domains that are there, in order of their ids, but for those that are going."""
        lib, ffi = self._library.lib, self._library.ffi
        records = ffi.new("xc_domaininfo_t[]", DOMAINS_AT_ONCE)
        first = 0
        while True:
            count = self._call("xc_domain_getinfolist", first, DOMAINS_AT_ONCE, records)
            for info in records[0:count]:
                if not info.flags & lib.XEN_DOMINF_dying:
                    uuid = UUID(bytes=bytes(ffi.buffer(info.handle)))
                    hvm = bool(info.flags & lib.XEN_DOMINF_hvm_guest)
                    yield DomainInfo(info.domain, str(uuid), hvm)
            if count < DOMAINS_AT_ONCE:
                return
            first = records[count - 1].domain + 1

    def policy_reader(self, *, of_domains: bool = False) -> Callable[[int], Policy] | None:
        """A function from an index of the sysctl, or a domain's id, to the policy; None where libxc
        has none.

        Of system policies leaves that are all zero are left out, as xen-cpuid does: a leaf that is
        not there reads so. A domain's has all.
        """
        call = "xenops_domain_policy" if of_domains else "xenops_policy"
        lib, ffi = self._library.lib, self._library.ffi
        if not lib.XENOPS_HAS_POLICIES:
            return None
        leaves_size, msrs_size = ffi.new("uint32_t *"), ffi.new("uint32_t *")
        self._call("xenops_policy_size", leaves_size, msrs_size)
        leaves = ffi.new("xen_cpuid_leaf_t[]", leaves_size[0])
        msrs = ffi.new("xen_msr_entry_t[]", msrs_size[0])

        def read(index: int) -> Policy:
            nr_leaves = ffi.new("uint32_t *", leaves_size[0])
            nr_msrs = ffi.new("uint32_t *", msrs_size[0])
            self._call(call, index, leaves, nr_leaves, msrs, nr_msrs)
            return Policy(
                {
                    (leaf, subleaf): (a, b, c, d)
                    for leaf, subleaf, a, b, c, d in LEAF.iter_unpack(taken(leaves, nr_leaves))
                    if of_domains or a | b | c | d
                },
                {index: value for index, _, value in MSR.iter_unpack(taken(msrs, nr_msrs))},
            )

        def taken(array: Any, count: Any) -> bytes:
            return bytes(ffi.buffer(array)[0 : count[0] * ffi.sizeof(array[0])])

        return read

    def microcode(self) -> int:
        """Its revision, of the first CPU. CallUnsupported before Xen 4.18."""
        revision = self._library.ffi.new("uint32_t *")
        self._call("xenops_microcode", revision)
        return int(revision[0])

    @property
    def adds_compatibility_bits(self) -> bool:
        """XenServer's libxc: it publishes more in the max sets than Xen gives (see compat)."""
        return bool(self._library.lib.xenops_has_compatibility_bits())

    def _message(self) -> str:
        text: bytes = self._library.ffi.string(self._library.lib.xenops_last_message())
        return text.decode(errors="replace")

    def _text(self, command: int) -> str:
        size = self._library.lib.XENOPS_VERSION_BYTES
        buffer = self._library.ffi.new("char[]", size)
        self._call("xc_version", command, buffer)
        text: bytes = self._library.ffi.string(buffer, size)
        return text.decode(errors="replace")

    def _call(self, name: str, *arguments: object) -> int:
        """Call a function that gives a negative number and errno for a failure. XenError."""
        function = getattr(self._library.lib, name)
        self._library.lib.xenops_clear_message()
        for attempt in range(1, ATTEMPTS + 1):
            result: int = function(self._xch, *arguments)
            if result >= 0:
                return result
            error = self._library.ffi.errno
            if error != errno.EINTR or attempt == ATTEMPTS:
                break
        raise error_of(_PUBLIC.get(name, name), error, self._message())
