"""The program's version, where everything else has it from."""

__version__ = "0.2.0"
