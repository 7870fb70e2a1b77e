"""Commands for operators, straight in the stores: they need no key, and work while the API is away."""
