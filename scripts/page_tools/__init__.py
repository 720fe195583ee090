"""Manual pages and completion scripts, made from the parsers of the commands."""
