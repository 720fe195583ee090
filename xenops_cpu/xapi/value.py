"""What XenAPI's values are in Python, and what a call's answer comes to, whatever the protocol.

Of XenAPI's types a string, a reference, an enumeration and a date are `str`; a set is a `list`, a
map and a record a `dict`. JSON-RPC has numbers, XML-RPC writes an int as a string.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .errors import AnswerError, ApiFailure

Value: TypeAlias = "str | bool | int | float | list[Value] | dict[str, Value] | None"
# Takes the members of a large map (name, value) or the items of a large set ("", value) one by one.
Each: TypeAlias = Callable[[str, Value], None]

# A value that is kept whole, and one member of those that are taken one by one.
MAX_VALUE = 16 * 1024 * 1024
MAX_DEPTH = 64


def outcome(answer: Mapping[str, Value], who: str) -> Value:
    """The value of an answer in any of its forms, or its failure.

    JSON-RPC 1.0 has `error` [code, parameter, …], 2.0 an `error` with `message` and `data`; XML-RPC
    (and some JSON) has `Status` and `Value` or `ErrorDescription`. Raises ApiFailure, AnswerError.
    """
    error = answer.get("error")
    if error is not None:
        raise _failure(error, who)
    if "result" in answer:
        result = answer["result"]
        if not isinstance(result, dict) or "Status" not in result:
            return result
        answer = result
    if answer.get("Status") == "Failure":
        raise _failure(answer.get("ErrorDescription"), who)
    if answer.get("Status") == "Success" and "Value" in answer:
        return answer["Value"]
    raise AnswerError(f"{who}: the answer has neither a value nor an error: it is none of xapi's")


def _failure(error: Any, who: str) -> Exception:
    match error:
        case {"message": str(code), "data": list(parameters)}:
            pass
        case {"message": str(code)} | str(code):
            parameters = []
        case [str(code), *parameters]:
            pass
        case _:
            return AnswerError(f"{who}: the answer is an error without a code")
    return ApiFailure(who, code, [str(parameter) for parameter in parameters])
