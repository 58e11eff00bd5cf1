"""Erasure of a person's data, with evidence that it was done."""

from cartpath.privacy.forget import forget

__all__ = ["forget"]
