"""Every limit of what is read from files and pipes: what a stranger's file may cost.

This is the only place where these numbers stand; docs/reading.md has them from here (table()). What
reaches a limit is refused, with an error that names it, or read as far as it is good, which the
answer says. Together they keep the program below 300 MiB, whatever it is given to read.
"""

from __future__ import annotations

from typing import Final

from . import amount

_MIB: Final = 1024 * 1024

PIPE_BYTES = 2048 * _MIB
TEXT_BYTES = 8 * _MIB
TEXT_LINES = 200_000
LINE_LENGTH = _MIB
JSON_ELEMENTS = 1_000_000
XML_MARKS = 200_000
DUMP_CPUS = 5_000
READ_CPUS = 500
CAPTURE_BYTES = 4 * _MIB
CPUINFO_BYTES = 64 * 1024
CORPUS_BYTES = 4096 * _MIB
CORPUS_LINE_BYTES = _MIB
POLICY_ENTRIES = 4_096
HOSTS = 2_000
VMS = 20_000
KEPT_LETTERS = 16 * _MIB
XAPI_LINE_BYTES = 64 * 1024
LOG_TASKS = 1_000
LOG_EVENTS = 500
LOGS_EVENTS = 20_000
DATABASE_TAG_BYTES = 2 * _MIB
ARCHIVE_MEMBERS = 50_000
ARCHIVE_BYTES = 16 * 1024 * _MIB
ARCHIVE_RATIO = 200
ARCHIVE_FREE_BYTES = 32 * _MIB
ARCHIVE_SECONDS = 300.0
ARCHIVE_DIRECTORY_BYTES = 16 * _MIB
INNER_ZIP_BYTES = 16 * _MIB
PATH_LENGTH = 4_096
NAME_LENGTH = 255
MEMBER_BYTES = _MIB
MEMBERS_BYTES = 10 * _MIB
IMAGE_RECORDS = 270_000
IMAGE_TEXT_BYTES = _MIB
IMAGE_SEARCHED_BYTES = 4 * _MIB
CONFIGURATION_BYTES = _MIB
ARGUMENT_BYTES = 64 * _MIB
ARGUMENT_DEPTH = 8
PASSWORD_BYTES = 64 * 1024
KNOWN_CERTIFICATES_BYTES = _MIB

# Unit and meaning, in the order in which people read them.
_MEANINGS: Final = {
    "PIPE_BYTES": ("bytes", "that come out of a pipe; more has to be in a file"),
    "TEXT_BYTES": ("bytes", "of a text: what a program prints, JSON, a dump"),
    "TEXT_LINES": ("lines", "of a text; a dump of a host with 1,000 CPUs has some 60,000"),
    "LINE_LENGTH": ("characters", "of a line, but of JSON"),
    "JSON_ELEMENTS": ("elements", "of a JSON document"),
    "XML_MARKS": ("tags and attributes", "of libvirt's cpudata"),
    "DUMP_CPUS": ("CPUs", "in a file of records; simulate --corpus takes any number"),
    "READ_CPUS": ("CPUs", "of them that are simulated to be read as hosts"),
    "CAPTURE_BYTES": ("bytes", "of a capture as a source; one with all six policies has 60 KiB"),
    "CPUINFO_BYTES": ("bytes", "that are looked at of /proc/cpuinfo or a copy: the first CPU"),
    "CORPUS_BYTES": ("bytes", "of the records of --corpus, all together"),
    "CORPUS_LINE_BYTES": ("bytes", "of one of them"),
    "POLICY_ENTRIES": ("leaves and MSRs", "of a CPU policy; Xen 4.22 writes some 130"),
    "HOSTS": ("hosts", "in what is read, all its texts and databases together"),
    "VMS": ("VMs", "likewise, templates and snapshots too"),
    "KEPT_LETTERS": ("characters", "of names, CPU records and the like that are kept of them"),
    "XAPI_LINE_BYTES": ("bytes", "that are looked at of a line of xapi's log, its end"),
    "LOG_TASKS": ("tasks", "of xapi's whose checks are put together at a time"),
    "LOG_EVENTS": ("events", "that are told of a log, or of all of a report, the last; the same "
                   "again is one"),
    "LOGS_EVENTS": ("events", "of all logs of a report while it is read; the oldest go first"),
    "DATABASE_TAG_BYTES": ("bytes", "of a row of xapi's database; real ones have some tens of KiB"),
    "ARCHIVE_MEMBERS": ("members", "of an archive, with those of archives in it, or of a folder"),
    "ARCHIVE_BYTES": ("bytes", "that come out of an archive, or out of a database"),
    "ARCHIVE_RATIO": ("times", "the size of an archive that may come out of it; logs are packed "
                      "twentyfold, rarely a hundredfold, a bomb a thousandfold"),
    "ARCHIVE_FREE_BYTES": ("bytes", "that may come out of it whatever its size"),
    "ARCHIVE_SECONDS": ("s", "of CPU time for an archive, a folder or a database"),
    "ARCHIVE_DIRECTORY_BYTES": ("bytes", "of the directory of a zip"),
    "INNER_ZIP_BYTES": ("bytes", "of a zip in an archive"),
    "PATH_LENGTH": ("characters", "of a member's path; the rest is cut off"),
    "NAME_LENGTH": ("characters", "of a file's name, as Linux has it; others are passed over"),
    "MEMBER_BYTES": ("bytes", "of a text in a report; xen-cpuid -p prints some 60 KiB"),
    "MEMBERS_BYTES": ("bytes", "of all texts in a report together"),
    "IMAGE_RECORDS": ("records", "of a suspend image: those of a VM with 1 TiB"),
    "IMAGE_TEXT_BYTES": ("bytes", "of the VM's configuration in it"),
    "IMAGE_SEARCHED_BYTES": ("bytes", "in which a stream is looked for, in a framing not known"),
    "CONFIGURATION_BYTES": ("bytes", "of a configuration: of the service, of a guest of xl"),
    "ARGUMENT_BYTES": ("bytes", "of an @FILE: more than a hundred thousand featuresets"),
    "ARGUMENT_DEPTH": ("levels", "of an @FILE in an @FILE"),
    "PASSWORD_BYTES": ("bytes", "of a file with a password, or of netrc"),
    "KNOWN_CERTIFICATES_BYTES": ("bytes", "of the file of known certificates"),
}  # fmt: skip


def table() -> list[tuple[str, str, str]]:
    """Name, value with its unit, and meaning of every limit."""
    return [
        (name.lower(), amount(globals()[name], unit), meaning)
        for name, (unit, meaning) in _MEANINGS.items()
    ]
