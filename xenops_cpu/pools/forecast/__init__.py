"""Where a rolling update of a pool will stop, said beforehand.

The update as xapi does it (ocaml/xapi/xapi_host.ml compute_evacuation_plan_no_wlb, create_misc.ml,
cpuid_helpers.ml; xapi up to 26.17, and the change of #7261 after it):

1. The coordinator first, then the members one by one. Each is evacuated, updated, started again.
2. Evacuation: a VM may leave only if *every* target takes it in, though one would do. Targets are
   the enabled hosts that are not older; after #7261, in an upgrade, the updated ones of them.
3. A target takes a VM in if the vendor is the same and the VM's recorded words are within the
   target's migration set of its type. The words stay as they are wherever the VM goes.
4. One VM that may not leave stops the update. Else each goes to some target: to which is decided by
   memory, so all places where it may be are kept.
5. A host that has started writes its sets and the pool's level anew, by the rules of its own libxc.
   Who starts or restarts then gets that level, or the VM's own platform:featureset.

VMs do not hinder one another here (memory, which would make them, is not looked at). So what stops
first is what stops first of the VMs taken alone, and the smallest set of VMs to power-cycle is that
of the VMs that stop alone. tests/pools/test_forecast_played.py plays the steps by hand, every
placement of every VM, on thousands of small pools, and holds this to it.

A place, and a set of hosts, is an int here: bit n for host n of the pool.
"""

from .answer import forecast
from .pool import HostChange, PoolUpdate, Rule
from .result import Cycle, Forecast, Outcome, Step, Stuck

__all__ = [
    "Cycle", "Forecast", "HostChange", "Outcome", "PoolUpdate", "Rule", "Step", "Stuck", "forecast",
]  # fmt: skip
