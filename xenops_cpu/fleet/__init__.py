"""Hosts of many pools as rows of a table, for engines that are made for many rows (docs/fleet.md).

A level is a reduction of hosts, which any such engine does, and one step that settles it. Here is
what stands before and behind the engine: rows, files, queries, the step.
"""
