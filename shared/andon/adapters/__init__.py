"""What speaks to stores, Postgres, Redis, storage and tracing, and what stands on libraries: CEL, cron."""
