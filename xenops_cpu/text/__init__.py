"""Text of strangers: escaped for a terminal or a notebook; JSON, read within a limit."""

# What a person types for standard input, where a file may be named.
STDIN = "-"
