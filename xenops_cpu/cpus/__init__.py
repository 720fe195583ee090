"""CPUs: this machine's, those shipped with the package, those of other programs' dumps."""
