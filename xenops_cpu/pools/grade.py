"""What each verdict is worth: for a program that goes by exit codes, and in words for people.

Exit codes are part of the contract: 0 for Boots and Migrates (so that `check VM HOST && migrate`
does what it says), 11 for Only_by_max, 12 for Only_by_force, 13 for Impossible.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..interface import Verdict


class Grade(NamedTuple):
    """What a verdict means: `allowed`, whether Xen and xapi let the VM in without force; the exit
    code of a program that gives it; `word` and `sentence` for people; `tone`: good, fair or bad.
    """

    allowed: bool
    exit_code: int
    word: str
    sentence: str
    tone: str


GRADES: Mapping[Verdict, Grade] = {
    Verdict.BOOTS: Grade(True, 0, "boots", "boots here", "good"),
    Verdict.MIGRATES: Grade(True, 0, "migrates", "resumes or migrates here", "good"),
    Verdict.ONLY_BY_MAX: Grade(
        True, 11, "only by max",
        "resumes or migrates here, only because Xen takes in more than it gives", "fair",
    ),
    Verdict.ONLY_BY_FORCE: Grade(
        False, 12, "only by force", "would go only by force: the host lacks features", "bad"
    ),
    Verdict.IMPOSSIBLE: Grade(False, 13, "impossible", "cannot run here", "bad"),
}  # fmt: skip
