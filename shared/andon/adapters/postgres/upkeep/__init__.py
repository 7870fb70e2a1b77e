"""What keeps the whole system in order, and says how it is."""
