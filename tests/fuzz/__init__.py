"""Fuzzing: what strangers send or write, mutated without end.

targets has the functions; corpus/ what they are tried on in every test run; `scripts/fuzz` goes on
from there with atheris, which looks for inputs that reach new code.
"""
