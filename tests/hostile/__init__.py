"""One tenant sends whatever it can think of, beside another that merely works."""
