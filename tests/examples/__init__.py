"""Tests of examples/: each is run as its own text says."""
