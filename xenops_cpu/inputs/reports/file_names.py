"""What the files of a bug report are called, and what the names tell: whose host, what, and when.

xen-bugtool (xenserver/status-report) decides: the output of a command is `xen-cpuid-p.out`, a file
keeps its path, all of it is in one folder `bug-report-20260101093000`.
"""

from __future__ import annotations

import re
from datetime import datetime
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ...errors import InputError
from ...limits import input_limits
from ..value import printable

DATABASE = "xapi-db"
# `xe pool-dump-database` goes through the coordinator and is of that moment; the other is the
# file that a member keeps, as old as its last backup, and older in an upgrade.
DUMPED = "xapi-db-dumped"

# What stands in the names of files that tell something; what is before it may be a host's name.
_TELLING = re.compile(
    r"xen-cpuid|xen-ucode|xl-info|cpuinfo|boot_time_cpus|xapi-db|inventory\.xml|"
    r"xensource-inventory|pool\.conf|xe-|host-cpu-info|host-param-list|vm-param-list|"
    r"pool-param-list|cpuid"
)
# Other files may be of any kind, so what cannot be read there is no matter.
_WANTED = re.compile(r"xen-cpuid|xapi-db|host-cpu-info|param-list")
_IGNORED = re.compile(r"xl-info-n|\.(?:gz|bz2|rrd|log)(?:\.\d+)?$")
_LOG = re.compile(r"^(?:xensource|daemon|user)\.log(?:\.(?P<age>\d{1,4}))?(?P<packed>\.gz)?$")
_FOLDER = re.compile(r"(?:^|[/-])bug-report-(\d{14})(?:[/.-]|$)")
_INSTALLATION = re.compile(r"^INSTALLATION_UUID='?([0-9a-fA-F-]{8,36})", re.MULTILINE)
# The date of an inventory, as Python's strftime("%c") writes it in the C locale.
_WRITTEN = "%a %b %d %H:%M:%S %Y"


def wanted(name: str) -> bool:
    """Whether a file may tell of a host or VM, by its path in the report."""
    base = name.rpartition("/")[2]
    if len(base) > input_limits.NAME_LENGTH:
        return False
    if _LOG.search(base):
        return True
    if _IGNORED.search(base):
        return False
    return bool(_TELLING.search(base)) or base.endswith(".json")


def matters(name: str) -> bool:
    """Whether a person should know that this file could not be read."""
    return bool(_WANTED.search(name))


def log_age(name: str) -> int | None:
    """0 for the log that is written now, more for older ones; None for what is no log."""
    match = _LOG.search(name.rpartition("/")[2])
    return None if match is None else int(match["age"] or 0)


def packed(name: str) -> bool:
    return name.endswith(".gz")


def group(name: str) -> str:
    """The folder of a report, without the path that a file had on its host."""
    head, _, base = re.sub(
        r"(^|/)(?:proc|etc/xensource|etc|var/log)/(?=[^/]*$)", r"\1", name
    ).rpartition("/")
    match = _TELLING.search(base)
    prefix = base[: match.start()].rstrip("._-") if match else ""
    return "/".join(filter(None, (head, prefix)))


def time(name: str) -> str:
    """When the report was made, by its folder; "" where that does not tell. dom0 runs in UTC."""
    match = _FOLDER.search(name)
    try:
        return _iso(datetime.strptime(match[1], "%Y%m%d%H%M%S")) if match else ""
    except ValueError:
        return ""


def inventory(data: bytes) -> tuple[str, str]:
    """Host name and time of the summary in inventory.xml. Raises InputError."""
    try:
        # As text, so that what it says of its encoding does not count: Python may not know that.
        root = fromstring(data.decode("utf-8", "replace"), forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise InputError(f"inventory.xml: {error}") from error
    summary = root.find("system-summary")
    if summary is None:
        return "", ""
    try:
        when = _iso(datetime.strptime(summary.get("date", ""), _WRITTEN))
    except ValueError:
        when = ""
    return printable(summary.get("hostname", "")), when


def installation(data: bytes) -> str:
    """INSTALLATION_UUID of xensource-inventory, which is the host's UUID; "" without one."""
    match = _INSTALLATION.search(data.decode("utf-8", "replace"))
    return match[1] if match else ""


def coordinator(data: bytes) -> bool | None:
    """Of pool.conf: `master`, or `slave:ADDRESS`; None for anything else."""
    text = data.decode("utf-8", "replace").strip()
    return True if text == "master" else False if text.startswith("slave:") else None


def _iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
