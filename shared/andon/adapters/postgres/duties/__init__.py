"""What the duties of the dispatcher ask and do: what is due, which runs are hinted at, which end by a clock."""
