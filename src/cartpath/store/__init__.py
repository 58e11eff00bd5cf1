"""Event store, path table and the views on it."""

from cartpath.store.memory import view_from_table

__all__ = ["view_from_table"]
