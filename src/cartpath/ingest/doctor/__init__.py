"""The doctor: the state of a store's files and the quality of its data; it begins in ``diagnosis``."""
