"""Domains, and what their guests read."""
