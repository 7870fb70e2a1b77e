"""Who may come in, and what they may do: keys, sessions, scopes, limits, and the headers that browsers obey."""

from andon_api.access.gate import install

__all__ = ["install"]
