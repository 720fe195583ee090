"""The client of a live pool, against a stand-in over real TLS."""
