"""Formats: raw rows of CSV, JSON Lines and Parquet in chunks, and those that could not be read."""
