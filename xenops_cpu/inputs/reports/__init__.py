"""Reports of a host or a pool as support gets them: many files, of which few matter here."""
