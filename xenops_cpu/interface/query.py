"""Records of the interface: query.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class QueryResult:
    """What answers at this socket."""

    # Name of the service.
    name: str
    # Who made it.
    vendor: str
    # Version of the program.
    version: str
    # What the service can do and where its featuresets come from, in words.
    features: list[str]
    # A UUID, new at each start of the service.
    instance_id: str
