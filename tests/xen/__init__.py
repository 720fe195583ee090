"""A booted Xen to test against: image puts it together, machine runs it, test_* ask it."""
