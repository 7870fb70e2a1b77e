"""Steps: what a handler is given, and how a durable call goes."""
