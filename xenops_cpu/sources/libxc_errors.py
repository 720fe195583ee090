"""Why libxc cannot be asked, or does not answer, each with what a person can do about it."""

from __future__ import annotations

import errno
import os

from . import SourceError

OTHER_SOURCES = (
    "--source simulated (this CPU as Xen would offer it) "
    "or --source recorded:FILE (a capture from a dom0)"
)
ELSEWHERE = f"run it in dom0, or choose {OTHER_SOURCES}"
# A signal may end a hypercall early; after this many in a row something else is wrong.
ATTEMPTS = 10


class XenError(SourceError):
    """The hypervisor of this machine cannot be asked."""


class BindingMissing(XenError):
    """xenops_cpu was built where Xen's headers were not installed."""


class LibraryMissing(XenError):
    """The binding is there, the libxenctrl that it was built for is not."""


class NotUnderXen(XenError):
    """No hypervisor below this machine, or a domain that may not make hypercalls."""


class NotDom0(XenError):
    """A Xen domain that does not control the host."""


class PermissionMissing(XenError):
    """This process may not open the device."""


class ReleaseMismatch(XenError):
    """Hypervisor and libraries are of different Xen releases."""


class CallUnsupported(XenError):
    """This hypervisor does not know the call."""


class CallFailed(XenError):
    """Any other failure of a call; `error` is the errno."""

    def __init__(self, message: str, remedy: str = "", error: int = 0) -> None:
        super().__init__(message, remedy)
        self.error = error


def error_of(call: str, error: int, message: str) -> XenError:
    """What the errno of a call means. `message`: what libxc logged, "" for nothing."""
    reason = f" ({message})" if message else ""
    text = f"{call}: {os.strerror(error)}{reason}"
    if error == errno.EACCES:
        return ReleaseMismatch(
            text,
            "the hypervisor refuses this release's interface: use the Xen libraries of the "
            "running hypervisor (after an update of Xen, reboot the host)",
        )
    if error == errno.EPERM:
        return NotDom0(text, f"only a domain that controls the host may ask; {ELSEWHERE}")
    if error in (errno.ENOSYS, errno.EOPNOTSUPP):
        return CallUnsupported(text, "Xen 4.7 and later on x86 have it; update Xen")
    if error == errno.EINTR:
        return CallFailed(text, f"interrupted {ATTEMPTS} times in a row; try again", error)
    return CallFailed(text, "", error)
