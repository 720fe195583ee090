"""Answers to why and what: a bit on a host, a difference, a set as xen-cpuid prints it."""
