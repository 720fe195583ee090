"""Text of strangers: escaped for a terminal or a notebook; JSON, read within a limit."""
