"""Real PostgreSQL and Redis as child processes."""
