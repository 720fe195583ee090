"""Featuresets, and what Xen's releases and people call their bits."""
