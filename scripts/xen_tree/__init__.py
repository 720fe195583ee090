"""Facts out of a tree of Xen's source: tables of features, and which functions are where."""
