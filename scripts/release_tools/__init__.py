"""The texts that have a version and are written by hand, or are packages' own changelogs."""
