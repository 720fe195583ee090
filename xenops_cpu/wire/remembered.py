"""Calls that differ in nothing but their debug_info: what they ask is read once and remembered.

A caller asks the same few things again and again, each time for another task. Such a call, as
rpclib writes it, is the same text before and behind its debug_info, so whoever has read one of them
knows what all others ask, and nothing but that text is left to read. An answer is never remembered
here: the service is asked for every call.
"""

from __future__ import annotations

import re
from typing import Generic, TypeVar

from xenops_cpu.limits.service import LIMITS

# Of a call just as rpclib writes it (xmlrpc): text that stands for itself, without a tag.
PLAIN_TEXT = rb"[\t\n -%'-;=?-~]*"
_PLAIN = re.compile(PLAIN_TEXT)
_BEFORE, _BEHIND = b"<name>debug_info</name><value>", b"</value>"
_BYTES = 1024  # of a call; those without lists are shorter

Asked = TypeVar("Asked")


class Remembered(Generic[Asked]):
    """What calls ask, by what stands around their debug_info; as many as the limit says."""

    def __init__(self, most: int = LIMITS.remembered_calls) -> None:
        self._most = most
        self._questions: dict[tuple[bytes, bytes], Asked] = {}

    def __len__(self) -> int:
        return len(self._questions)

    def find(self, body: bytes) -> tuple[Asked, str] | None:
        """What a call asks, and its debug_info; None for one that has to be read."""
        before, _, tail = body.partition(_BEFORE)
        text, _, behind = tail.partition(_BEHIND)
        question = self._questions.get((before, behind))
        if question is None or _PLAIN.fullmatch(text) is None:
            return None
        return question, text.decode("ascii")

    def keep(self, body: bytes, question: Asked) -> None:
        """What a plain call with a debug_info asks. When there are too many, all go."""
        before, mark, tail = body.partition(_BEFORE)
        text, ends, behind = tail.partition(_BEHIND)
        if len(body) > _BYTES or not mark or not ends or _PLAIN.fullmatch(text) is None:
            return
        if len(self._questions) >= self._most:
            self._questions.clear()
        self._questions[before, behind] = question
