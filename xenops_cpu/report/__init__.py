"""The report of a pool: one HTML file for people, without scripts and without a network.

`page` puts it together, verdicts first; update.py makes its Course of a forecast. A module for each part of the page makes records of what
is said there; engine.py turns them into markup, by the templates in data/report/. Facts and most
sentences come from pools/, which the command line takes them from as well.
"""

from .engine import EngineError
from .forecast import Course, Held, Remedy, Step
from .page import page

__all__ = ["Course", "EngineError", "Held", "Remedy", "Step", "page"]
