"""Which CPU features a VM sees on a Xen host, at boot and after a migration, and why."""

__version__ = "0.2.0"
