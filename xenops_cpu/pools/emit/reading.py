"""Texts read back as their reader reads them: xl, libvirt and libxl, xapi."""

from __future__ import annotations

import re
from collections.abc import Iterator

from defusedxml.ElementTree import fromstring

from ...features.featureset import Featureset
from ...features.release import Release
from ...guests import xl_config
from ...guests.xl import Setting, read
from .difference import EmitError
from .libvirt_cpu import TRANSLATED

_POLICIES = {"disable": "0", "forbid": "0", "force": "1", "require": "1"}
_FEATURESET = re.compile(r"platform:featureset=([0-9a-f-]+)")


def setting(form: str, text: str, xen: Release) -> Setting:
    """What libxl of a release makes of a text for xl or libvirt.

    Raises EmitError for what xl would complain of and pass over, and libvirt refuse.
    """
    if form == "libvirt":
        read_back = read(",".join(["host", *_libvirts(text)]), xen)
    else:
        value = xl_config.settings(text).get("cpuid")
        read_back = Setting() if value is None else read(value, xen)
    for complaint in read_back.complaints:
        raise EmitError(f"the text is not what {xen.title} reads: {complaint}")
    return read_back


def _libvirts(text: str) -> Iterator[str]:
    """NAME=VALUE as libvirt's Xen driver hands them to libxl."""
    for feature in fromstring(text):
        name = feature.get("name", "")
        yield f"{TRANSLATED.get(name, name)}={_POLICIES[feature.get('policy', '')]}"


def names(form: str, text: str) -> tuple[str, ...]:
    """The names that libxl gets from a text for xl or libvirt; none where it has registers."""
    if form == "libvirt":
        items = list(_libvirts(text))
    else:
        value = xl_config.settings(text).get("cpuid")
        items = value.split(",")[1:] if isinstance(value, str) else []
    return tuple(item.partition("=")[0] for item in items)


def featureset(text: str) -> Featureset:
    """The level in the text for xapi."""
    match = _FEATURESET.search(text)
    if match is None:
        raise EmitError("the text names no featureset")
    return Featureset.parse(match[1])
