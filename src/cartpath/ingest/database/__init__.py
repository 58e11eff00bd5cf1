"""Databases as sources: a query through a server-side cursor."""

from cartpath.ingest.database.job import DatabaseJob, database_job

__all__ = ["DatabaseJob", "database_job"]
