"""Holds what is predicted of domains to what real and compiled Xens gave them.

The data is a folder of the form that scripts/verify-guests describes. Each module reads one kind
of record; what is known to be unreliable in the data is said where it is left out.
"""
