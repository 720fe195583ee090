"""One host as a source read it: its sets, its record for xapi, its capture."""
