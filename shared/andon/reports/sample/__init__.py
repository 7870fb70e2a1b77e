"""A small real dataset that ships with Andon; README.md beside it tells its origin and licence."""
