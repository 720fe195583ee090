"""What setup.cfg cannot say: whether the binding to libxenctrl is built, and into what wheel.

XENOPS_CPU_BINDING decides (docs/install.md):

    auto       (unset) the binding where Xen's headers, cffi and a compiler are; else a pure wheel
    required   without them the build fails: for those who make packages
    no         never: a pure wheel, also where libxen-dev is installed

What is decided here is what is built: a wheel for the stable ABI has the binding in it.
"""

import os
import runpy
from pathlib import Path

from setuptools import setup

SWITCH = "XENOPS_CPU_BINDING"
CHOICES = ("auto", "required", "no")


def extensions():
    """The binding, or nothing. Ends the build where it is required and cannot be had."""
    choice = os.environ.get(SWITCH, "") or "auto"
    if choice not in CHOICES:
        raise SystemExit(f'{SWITCH} is "{choice}"; it can be {", ".join(CHOICES)}')
    if choice == "no":
        return []
    build = runpy.run_path(str(Path(__file__).parent / "xenops_cpu" / "sources" / "libxc_build.py"))
    missing = build["missing"]()
    if missing and choice == "required":
        raise SystemExit(f"xenops_cpu: {missing}; {SWITCH}=required asks for the source xen")
    if missing:
        print(f"xenops_cpu: {missing}: built without the source xen ({SWITCH})")
        return []
    return [build["extension"]()]


modules = extensions()
setup(
    ext_modules=modules,
    # The binding keeps to Python's stable ABI: one wheel serves every Python from 3.11 on.
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if modules else {},
)
