"""Everything that opens a socket: postgres, redis streams, cancel flags, storage."""
