"""What can be wrong with an expression, before and while it is evaluated."""


class ExpressionError(ValueError):
    """The expression can't be used; the message says why."""


class EvaluationError(Exception):
    """The expression has no value on this data: a key is missing, operands don't go together, a number is too big.

    `||`, `&&`, `all` and `exists` absorb it where the other operands decide alone.
    """


class OverBudget(Exception):
    """The evaluation would take more work than it may. Nothing absorbs it."""
