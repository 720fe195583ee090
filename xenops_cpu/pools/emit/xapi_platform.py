"""platform:featureset of a VM of xapi's."""

from __future__ import annotations

from ...features.featureset import Featureset


def xapi(level: Featureset, vm: str = "UUID") -> str:
    """The command that gives the VM `vm` this level at its next boot, and the one to undo it."""
    return (
        f"xe vm-param-set uuid={vm} platform:featureset={level}\n"
        f"# to have the pool's level again:\n"
        f"# xe vm-param-remove uuid={vm} param-name=platform param-key=featureset\n"
    )
