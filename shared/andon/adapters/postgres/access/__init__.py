"""Who may: keys and tokens, and the audit of what was changed."""
