"""The engine: what functions are, and how a run of one goes. Pure: no store, no network, the standard library alone."""
