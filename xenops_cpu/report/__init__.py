"""The report of a pool: one HTML file for people, without scripts and without a network.

`page` puts it together, verdicts first. A module for each part of the page makes records of what
is said there, update.py those of a forecast; engine.py turns them into markup, by the templates in
data/report/. Facts and most sentences come from pools/, as on the command line.
"""

from .engine import EngineError
from .forecast import Course, Held, Remedy, Step
from .page import page

__all__ = ["Course", "EngineError", "Held", "Remedy", "Step", "page"]
