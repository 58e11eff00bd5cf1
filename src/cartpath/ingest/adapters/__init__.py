"""Adapters of public data sets that are sets of files or have no header; ``ingest.registry`` names them."""
