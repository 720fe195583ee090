"""Everything about the package is in setup.cfg; here is only what Xen's headers decide.

The binding to libxenctrl is compiled where libxen-dev is installed. Without its headers, without
cffi or without a compiler the package is built all the same and says at run time what is missing.
"""

import runpy
from pathlib import Path

from setuptools import setup


def extensions():
    binding = runpy.run_path(
        str(Path(__file__).parent / "xenops_cpu" / "sources" / "libxc_build.py")
    )
    headers = binding["find_headers"]()
    if headers is None:
        print("xenops_cpu: no Xen headers (libxen-dev): built without the source xen")
        return []
    try:
        return [binding["extension"](headers)]
    except ImportError as error:
        print(f"xenops_cpu: {error}: built without the source xen")
        return []


modules = extensions()
setup(
    ext_modules=modules,
    # The binding keeps to Python's stable ABI: one wheel serves every Python from 3.11 on.
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if modules else {},
)
