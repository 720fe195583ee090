"""The daemon: puts the parts of the service together, and goes when it is told to."""
