"""What cannot be a row, or a level out of rows."""

from ..errors import InputError


class FleetError(InputError):
    """A row that is none, or a reduction that no hosts can have."""
