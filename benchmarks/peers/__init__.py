"""One adapter per contender: how its users would write the same work. Each runs in an environment of its own."""
