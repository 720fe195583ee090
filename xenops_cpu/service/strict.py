"""Featuresets as callers send them: the form that xapi writes, and nothing near it.

The command line takes what people paste (features.featureset). A program that sends something else
has a fault, which xapi's own code would report as InvalidFeatureString; so it is reported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..features.featureset import Featureset, FeaturesetError
from ..interface import InternalError

if TYPE_CHECKING:
    from ..interface import PoolHost, PoolVm


def featureset(where: str, text: str) -> Featureset:
    """Words of 1 to 8 hex digits with "-" between. Raises InternalError that names the word."""
    if ":" in text or text != text.strip():
        raise InternalError(
            f"{where}: {text[:80]!r} is not a featureset: words have '-' between them and no blanks"
        )
    try:
        return Featureset.parse(text)
    except FeaturesetError as error:
        raise InternalError(f"{where}: {error}") from error


def check_hosts(parameter: str, hosts: Iterable[PoolHost]) -> None:
    """Raises InternalError for the first featureset of the hosts' records that is none."""
    for host in hosts:
        check(f"parameter {parameter}: {host.name}", host.cpu_info)


def check_vms(vms: Iterable[PoolVm]) -> None:
    """The same for the records of VMs."""
    for vm in vms:
        check(f"parameter vms: {vm.name}", vm.last_boot_cpu_flags)


def check(where: str, record: Mapping[str, str]) -> None:
    """The same for one record."""
    for key, text in record.items():
        if key.startswith("features"):
            featureset(f"{where}: {key}", text)
