"""raw -> host -> PV and HVM, maximum and default: what a Xen release makes of a CPU, and why.

`derive` runs Xen's own steps, named, in Xen's order, and records which step changed which bit.
The steps of the host set are in boot.py, tsx.py, vendor.py, speculation.py and virtualisation.py,
those of guests in maximum.py, hvm.py, common.py, default.py and single.py; pipeline.py has the
order, story.py walks the record. source.py has where steps stand in Xen's source, exposure.py what
its list of features says of guests, impossible.py the machines that cannot be.
"""

from .cmdline import BootOptions, CommandLineError, parse_cmdline
from .hardware import Machine
from .pipeline import PHASES, all_steps
from .releases import DERIVED_RELEASES, DerivationError, derived_release
from .result import SETS, Derivation, Options, derive
from .state import Change
from .step import Phase, Step
from .story import Reason, reasons_of

__all__ = [
    "DERIVED_RELEASES", "PHASES", "SETS", "BootOptions", "Change", "CommandLineError",
    "Derivation", "DerivationError", "Machine", "Options", "Phase", "Reason", "Step", "all_steps",
    "derive", "derived_release", "parse_cmdline", "reasons_of",
]  # fmt: skip
