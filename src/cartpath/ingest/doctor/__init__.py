"""The doctor: the state of a store's files and the quality of its data."""

from cartpath.ingest.doctor.diagnosis import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]
