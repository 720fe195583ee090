"""What the service is told to do, as xapi's own daemons are told.

keys says what there is to be told, values how each is written, files where it is written, resolve
which of several counts: defaults < command line < configuration files, as in xapi's xcp_service.
"""

from __future__ import annotations

from ...errors import InputError


class ConfigError(InputError):
    """A configuration that cannot be taken; the text has file and line, or the option."""
