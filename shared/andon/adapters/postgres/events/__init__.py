"""Events: recorded in their order, published, waited for, and kept when they could not take effect."""
