"""Runs over time: an append-only store in SQLite, since when what fails, and what flaps."""
