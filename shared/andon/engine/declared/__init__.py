"""What is said of a function: triggers, rules, limits, and what each argument may be."""
