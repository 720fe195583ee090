"""Why one VM has a feature, or has it not."""

from __future__ import annotations

from attrs import frozen

from ..derivation import Derivation, DerivationError, reasons_of
from ..guests import reasons
from ..guests.changes import dependence
from ..guests.domain import Domain


@frozen
class Why:
    """`present`: whether the feature is there after it, None where it is no feature."""

    step: str
    text: str
    present: bool | None = None


def story(domain: Domain, number: int, derivation: Derivation | None) -> tuple[Why, ...]:
    """The default set's story, then the domain's own.

    `derivation` is the one behind the host, where there is one.
    """
    told: list[Why] = []
    if derivation is not None:
        try:
            told = [
                Why(reason.step, reason.text, reason.present)
                for reason in reasons_of(derivation, f"{domain.kind}_default", number)
            ]
        except DerivationError:
            told = []
    for reason in reasons.of_feature(domain, number):
        text = reason.text
        if reason.step == "recalc.sanitise" and not reason.after:
            text = dependence(domain, number)
        told.append(Why(reason.step, text, bool(reason.after)))
    return tuple(told)
