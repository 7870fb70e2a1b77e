"""Dates that say more than when: whether something was late, and whether something is over."""
