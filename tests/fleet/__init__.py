"""Tests of what the package of this name holds."""
