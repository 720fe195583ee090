"""One case, one answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..errors import Error
from . import domains, hosts, pools
from .forms import CaseError

QUESTIONS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "level": pools.level_of,
    "check": pools.verdict_of,
    "featuresets": hosts.featuresets_of,
    "policies": hosts.policies_of,
    "domain": domains.domain_of,
    "cpuid": domains.instruction_of,
}


def answer(case: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer to a case; None for a question that is not known. Raises Error for a bad one."""
    question = QUESTIONS.get(str(case.get("question")))
    if question is None:
        return None
    ask = case.get("ask")
    if not isinstance(ask, Mapping):
        raise CaseError("ask: an object was expected")
    return question(ask)


def answers(lines: Iterable[str]) -> Iterator[str]:
    """An answer a line of JSON for each case; one that cannot be read gives {"error": ...}."""
    for line in lines:
        if not line.strip():
            continue
        try:
            case = json.loads(line)
            if not isinstance(case, Mapping):
                raise CaseError("a case is an object")
            result: Any = answer(case)
        except (Error, ValueError, RecursionError) as error:
            result = {"error": str(error)}
        yield json.dumps(result, separators=(",", ":"))
