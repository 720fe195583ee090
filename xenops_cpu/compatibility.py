"""May a VM that has seen one featureset run where another is offered?"""

from __future__ import annotations

from .featureset import Featureset


def missing(vm: Featureset, host: Featureset) -> Featureset:
    """What the VM has seen and the host does not take in; empty means compatible.

    `host` is a host's migration set. Words that one side lacks read as zero.
    """
    return vm - host
