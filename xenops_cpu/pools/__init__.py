"""Pools: levels, verdicts, what-if, sub-pools, audits, and the words for them."""
