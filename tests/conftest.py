"""Settings for all tests: how long something takes is never what a test is about.

XENOPS_CPU_EXAMPLES is the number of examples a property is tried on; CI takes more than a person
who waits for the result.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "calm",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("XENOPS_CPU_EXAMPLES", "30")),
)
settings.load_profile("calm")
