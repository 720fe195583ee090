"""The contract as a value, and what is generated from it: Python, OCaml, reference, test data."""
