"""What the bytes of an upload are: their format, packing and encoding, and what is too much. Knows no table."""
