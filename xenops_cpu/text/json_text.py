"""JSON of strangers: read within a limit on what it becomes, for a byte of it may become fifty."""

from __future__ import annotations

import json
import sys
from typing import Any

from ..errors import InputError
from ..limits import input_limits


class JsonError(InputError):
    """A text that is no JSON."""


class TooMuch(JsonError):
    """A document of more elements, more levels of them or longer numbers than are read."""


def parse(text: str) -> Any:
    """The value of a document. Raises JsonError.

    Each element but the first has a comma, a colon or a bracket before it; those are counted before
    anything is made, in strings as well.
    """
    if sum(map(text.count, "[{,:")) > input_limits.JSON_ELEMENTS:
        raise TooMuch(f"JSON of more than {input_limits.JSON_ELEMENTS:,} elements")
    try:
        return json.loads(text)
    except RecursionError:
        raise TooMuch("JSON of too many levels") from None
    except json.JSONDecodeError as error:
        raise JsonError(str(error)) from None
    except ValueError:
        digits = sys.get_int_max_str_digits()
        raise TooMuch(f"JSON with a number of more than {digits:,} digits") from None
