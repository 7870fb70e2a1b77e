"""What an event, a step, a cancel and an idle run cost, and how far that carries: `docs/scale.md` in code."""
