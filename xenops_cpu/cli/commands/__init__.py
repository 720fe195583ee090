"""One module a command: parser() and run()."""
