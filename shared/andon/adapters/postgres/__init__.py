"""Postgres: the truth. One module per verb that the engine needs."""
