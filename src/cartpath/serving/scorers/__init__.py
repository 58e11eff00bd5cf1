"""Scorers as the service asks them: of live paths, the very ones that ``cartpath predict`` asks."""
