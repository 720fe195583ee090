"""Answers to test vectors: cases in a neutral JSON form that any implementation can be held to.

idl/vectors/README.md has the form; `python -m xenops_cpu.vectors` reads cases, one a line, and
writes an answer a line.
"""
