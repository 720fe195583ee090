"""What may follow what a person has typed of an argument, by the kind of the argument.

The shells' completion scripts ask for it (xenops-cpu completion --words KIND TEXT): hosts of a
file, files and the tables of this program cannot stand in a script. Nothing that is offered has
blanks or characters that a shell takes for something else, so names that have some are left out:
the names in a file may be anybody's.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ..errors import Error

_SAFE = re.compile(r"[\w.,:/@+#=~^-]+")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}=")
# A larger file takes longer to read than a person waits for names.
MAX_FILE_BYTES = 32 << 20
MAX_WORDS = 2000


def of(kind: str, text: str) -> list[str]:
    """What continues `text`, sorted. Raises KeyError for what is none of KINDS."""
    words = {word for word in KINDS[kind](text) if word.startswith(text)}
    return sorted(word for word in words if _SAFE.fullmatch(word))[:MAX_WORDS]


def _hosts(text: str) -> Iterator[str]:
    """HOST, VM, POLICY: sources, files, after FILE# what is in the file; NAME= may stand before."""
    if match := _NAME.match(text):
        yield from (match[0] + word for word in _hosts(text[match.end() :]))
        return
    yield from _sources(text)
    path, hash_, _ = text.rpartition("#")
    if hash_ and os.path.isfile(os.path.expanduser(path)):
        yield from (f"{path}#{name}" for name in _names_in(Path(path).expanduser()))
    yield from _files(text)


def _names_in(path: Path) -> Iterable[str]:
    from .. import inputs

    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return ()
        source = inputs.read(path)
    except (Error, OSError):
        return ()
    return (*source.host_names, *(vm.name for vm in source.vms))


def _files(text: str) -> Iterator[str]:
    folder, name = os.path.split(text)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            for entry in entries:
                if name or not entry.name.startswith("."):
                    end = "/" if entry.is_dir() else ""
                    yield os.path.join(folder, entry.name) + end
    except OSError:
        return


def _sources(text: str) -> Iterator[str]:
    kind, colon, value = text.partition(":")
    if not colon:
        yield from ("xen", "xen-cpuid", "simulated", "cpu:", "example:", "recorded:", "hex:")
    elif kind == "cpu":
        name, at, _ = value.partition("@")
        after = (f"{name}@{release}" for release in _derived(text)) if at else _cpus(value)
        yield from (f"cpu:{word}" for word in after)
    elif kind == "example":
        from ..sources.recorded import examples

        yield from (f"example:{name}" for name in examples())
    elif kind == "recorded":
        yield from (f"recorded:{path}" for path in _files(value))


def _cpus(text: str) -> Iterator[str]:
    """Shipped CPUs, and after NAME+ the dates at which their microcode changed something."""
    from ..cpus import shipped
    from .commands.cpus import history

    yield from shipped.catalogue()
    yield from shipped.aliases()
    name, plus, _ = text.partition("+")
    if not plus:
        others = (title for cpu in shipped.every() for title in cpu.stands_for)
        yield from (title.lower().removeprefix("intel ").replace(" ", "-") for title in others)
    else:
        with contextlib.suppress(Error):
            dates = {event.date for event in history(shipped.find(name).shipped) if event.date}
            yield from (f"{name}+{date}" for date in ("as-dumped", *dates))


def _features(text: str) -> Iterator[str]:
    """Names as the newest Xen has them, in the letters that are typed; after a comma another."""
    from ..features.release import NEWEST, release

    before, comma, start = text.rpartition(",")
    for name in release(NEWEST).features:
        yield before + comma + (name.lower() if start and start.islower() else name)


def _releases(_: str) -> Iterable[str]:
    from ..features.release import LINES, RELEASES

    return (*RELEASES, *LINES)


def _derived(_: str) -> Iterable[str]:
    from ..derivation import DERIVED_RELEASES
    from ..features.release import LINES

    return (*DERIVED_RELEASES, *LINES)


def _methods(_: str) -> Iterable[str]:
    from ..interface import METHODS

    return (*METHODS, "rpc.discover")


def _types(_: str) -> Iterable[str]:
    return ("pv", "hvm", "pvh")


def _explained(text: str) -> Iterator[str]:
    """What explain takes: a feature, a word of the field, then a host."""
    from ..features import concepts

    yield from (name for concept in concepts.concepts() for name in concept.names)
    yield from _features(text)
    yield from _hosts(text)


KINDS: Mapping[str, Callable[[str], Iterable[str]]] = {
    "host": _hosts,
    "source": _sources,
    "cpu": _cpus,
    "feature": _features,
    "explained": _explained,
    "release": _releases,
    "method": _methods,
    "type": _types,
}
