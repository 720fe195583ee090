"""One feature explained: what it is, what it rests on; on a host, in which sets it is, and why.

What a host takes, the derivation with it, is imported where there is one.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..features import bits
from ..features.bits import Bit
from ..features.release import Release

if TYPE_CHECKING:
    from ..derivation import Derivation, Reason
    from ..hosts.host import Host
    from .tsx import Tsx
else:  # named tuples have a type for each field, and these are imported late
    Derivation = Host = Reason = Tsx = object

_SAID = {None: "not told", True: "yes", False: "no"}
_TSX_FEATURES = ("HLE", "RTM", "RTM_ALWAYS_ABORT", "TSX_CTRL", "TSX_FORCE_ABORT", "TSXLDTRK")


class Place(NamedTuple):
    """A feature in one set of a host. `present` None: nobody told the set. `why`: the first cause
    first, empty where no reason is known. `compatibility`: why libxc may have added it, else "".
    """

    present: bool | None
    why: tuple[Reason, ...] = ()
    compatibility: str = ""


class Explanation(NamedTuple):
    """`needs`: the features without which Xen removes it; `needed_by`: those that go with it, both
    by number, direct or not. `places`: by the names of derivation.SETS, of a host. `notes`: what
    the reasons for it rest on. `tsx`: the state of TSX, where the feature has to do with it.
    """

    bit: Bit
    release: Release
    needs: tuple[int, ...]
    needed_by: tuple[int, ...]
    places: Mapping[str, Place]
    notes: tuple[str, ...] = ()
    tsx: Tsx | None = None

    def __repr__(self) -> str:
        sets = ", ".join(f"{name} {_SAID[place.present]}" for name, place in self.places.items())
        return f"<Explanation of {self.bit.name}, {self.release.title}{': ' if sets else ''}{sets}>"

    def _repr_html_(self) -> str:
        """For notebooks: each set, with the steps that decided on it."""
        from ..text import notebook

        title = f"{self.bit.name}: {self.bit.meaning or self.bit.place}"
        rows = [
            (name, _SAID[place.present], "; ".join(reason.text for reason in place.why))
            for name, place in self.places.items()
        ]
        return notebook.table(title, ("set", "", "why, the first cause first"), rows)


def explain(
    number: int,
    xen: Release,
    host: Host | None = None,
    derivation: Derivation | None = None,
    stand_in: tuple[Derivation, str] | None = None,
) -> Explanation:
    """A feature of a release and, with a host, its place there.

    `derivation` is the one behind a simulated host; of others it is made again where it can be.
    `stand_in`: where it cannot, that of a CPU that is taken to be like the host's, and its name;
    reasons are told by it where it agrees.
    """
    notes: tuple[str, ...] = ()
    if host is not None and derivation is None:
        from .reasons import rederive

        derivation, notes = rederive(host)
        if derivation is None and stand_in is not None:
            notes = (f"reasons {stand_in[1]}, where that agrees with what was told",)
    elif derivation is not None:
        notes = derivation.notes
    if host is not None:
        from .bearing import bears_on

        bearing = (note for note in notes if bears_on(note, number, xen))
        notes = (*filter(None, (host.fit.note, host.fit.differs)), *bearing)
    bit = bits.describe(number, xen)
    about_tsx = host is not None and bit.name in _TSX_FEATURES
    return Explanation(
        bit=bit,
        release=xen,
        needs=tuple(base for base, dependents in xen.deep_deps.items() if number in dependents),
        needed_by=tuple(xen.deep_deps.get(number, ())),
        places=dict(_places(number, host, derivation or (stand_in and stand_in[0])))
        if host is not None
        else {},
        notes=notes,
        tsx=_tsx(host, derivation) if host is not None and about_tsx else None,
    )


def _tsx(host: Host, derivation: Derivation | None) -> Tsx:
    from .tsx import tsx

    return tsx(host, derivation)


def _places(number: int, host: Host, derivation: Derivation | None) -> Iterator[tuple[str, Place]]:
    from ..derivation import SETS
    from ..hosts import compat_bits
    from .reasons import story

    labels = compat_bits.host_labels(host)
    for name in SETS:
        featureset = host.featuresets.named(name)
        if featureset is None or not featureset.length:
            yield name, Place(None)
            continue
        present = number in featureset
        why: tuple[Reason, ...] = ()
        derived = derivation.featuresets[name] if derivation is not None else None
        if derivation is not None and derived is not None and (number in derived) == present:
            why = story(derivation, name, number)
        yield name, Place(present, why, labels.get(name, {}).get(number, ""))
