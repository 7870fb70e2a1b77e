"""How people write a value, and what SQL reads it: numbers, moments, times of day, nothing at all."""
