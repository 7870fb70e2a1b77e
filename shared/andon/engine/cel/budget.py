"""The budget of an evaluation. A unit of work is about that of one node of the parse tree, some 100 ns."""

from andon.engine.cel.failures import OverBudget


class Budget:
    """So much work is left to do; what takes time or memory spends it first."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, count: int) -> None:
        """Take `count` of them; raises `OverBudget` when there are fewer."""
        self.left -= count
        if self.left < 0:
            raise OverBudget("it takes more work than an evaluation may")
