"""Concepts for people and for programs: what explain says of MDS, TSX, levelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...features import concepts
from ...features.concepts import Concept
from ...features.meanings import meanings
from .. import OK, terminal

if TYPE_CHECKING:
    from ...explain.concept import OnHost

_KINDS = {
    concepts.LEAK: "leaks, and what helps",
    concepts.ABILITY: "what CPUs can do",
    concepts.IDEA: "ideas",
}


def show_list(as_json: bool) -> int:
    """All concepts, by kind."""
    if as_json:
        documents = [document(concept) for concept in concepts.concepts()]
        terminal.print_json({"concepts": documents})
        return OK
    for index, (kind, title) in enumerate(_KINDS.items()):
        if index:
            terminal.line("")
        terminal.heading(title)
        rows = [
            (concept.name, concept.title) for concept in concepts.concepts() if concept.kind == kind
        ]
        widest = max(len(name) for name, _ in rows)
        for name, text in rows:
            terminal.paragraph(f"{name:<{widest}}  {text}", 2, widest + 2)
    return OK


def show(concept: Concept, on_host: OnHost | None) -> None:
    """What it is; on a host, how that stands and where each feature is."""
    terminal.heading(f"{concept.name}: {concept.title}")
    terminal.paragraph(concept.text, 2)
    if len(concept.names) > 1:
        _row("also", ", ".join(concept.names[1:]))
    if concept.vendors:
        _row("whose", f"CPUs of {' and '.join(concept.vendors)}")
    if on_host is None:
        for title, names in _rows(concept):
            _row(title, "")
            _features(names)
    for text in concept.commands if on_host is None else ():
        _row("try", text)
    _row("source", "; ".join(concept.sources))
    if on_host is not None:
        _show_host(on_host)


def _rows(concept: Concept) -> Iterable[tuple[str, list[str]]]:
    """The features by what they are to the concept."""
    safe = list(dict.fromkeys(name for group in concept.safe for name in group))
    together = any(len(group) > 1 for group in concept.safe)
    mentioned = {*safe, *concept.helps, *concept.needs}
    rows = (
        ("not open to it, if all are there" if together else "not open to it, where it is", safe),
        ("something against it, where one of these is", list(concept.helps)),
        ("it needs", list(concept.needs)),
        ("features", [name for name in concept.features if name not in mentioned]),
    )
    return ((title, names) for title, names in rows if names)


def _row(title: str, text: str) -> None:
    if text:
        terminal.paragraph(f"{title + ':':<11}{text}", 2, 11)
    else:
        terminal.paragraph(f"{title}:", 2)


def _features(names: Iterable[str]) -> None:
    for name in names:
        terminal.paragraph(f"{name:<17} {meanings()[name].text}", 4, 18)


def _show_host(on_host: OnHost) -> None:
    terminal.line("")
    terminal.heading(on_host.host.origin)
    for sentence in on_host.sentences:
        terminal.paragraph(sentence, 2, 2)
    if not on_host.places:
        return
    terminal.table(
        ("feature", "raw", "host", "boot", "migration"),
        [
            (
                name,
                _presence(places["raw"]),
                _presence(places["host"]),
                _guests(places, "boot"),
                _guests(places, "migration"),
            )
            for name, places in on_host.places.items()
        ],
        indent=2,
    )
    if any(present is None for places in on_host.places.values() for present in places.values()):
        terminal.paragraph("?: this host does not tell", 2)


def _presence(present: bool | None) -> str:
    return {None: "?", True: "yes", False: "no"}[present]


def _guests(places: Mapping[str, bool | None], kind: str) -> str:
    """For both kinds of guest in one word where they agree."""
    pv, hvm = places[f"pv_{kind}"], places[f"hvm_{kind}"]
    if pv == hvm:
        return _presence(pv)
    named = {"PV": pv, "HVM": hvm}
    having = [name for name, present in named.items() if present]
    untold = [f"{name} ?" for name, present in named.items() if present is None]
    return ", ".join((*having, *untold))


def document(concept: Concept, on_host: OnHost | None = None) -> dict[str, Any]:
    """docs/json.md has the schema."""
    return {
        "name": concept.name,
        "also": list(concept.names[1:]),
        "title": concept.title,
        "kind": concept.kind,
        "text": concept.text,
        "vendors": list(concept.vendors),
        "safe": [list(group) for group in concept.safe],
        "needs": list(concept.needs),
        "helps": list(concept.helps),
        "features": list(concept.features),
        "try": list(concept.commands),
        "sources": list(concept.sources),
        "host": None
        if on_host is None
        else {
            "origin": on_host.host.origin,
            "standing": on_host.standing.value if on_host.standing is not None else None,
            "sentences": list(on_host.sentences),
            "places": {name: dict(places) for name, places in on_host.places.items()},
        },
    }
