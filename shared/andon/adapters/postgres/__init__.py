"""Postgres: the truth, and all SQL. Here is what every folder stands on; a folder holds the statements of one thing."""
