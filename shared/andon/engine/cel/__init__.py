"""CEL, the Common Expression Language, with an evaluator that counts what it does.

An expression comes from anybody who may cancel, and is evaluated on data that anybody may send. So its text is
checked on its parse tree, and each evaluation has a budget that no construct of the language escapes:
whatever takes time or memory in proportion to data spends in proportion to it. The same expression on the same data
ends at the same place on every machine.
"""

from andon.engine.cel.budget import Budget
from andon.engine.cel.expression import Expression
from andon.engine.cel.failures import EvaluationError, ExpressionError, OverBudget

__all__ = ["Budget", "EvaluationError", "Expression", "ExpressionError", "OverBudget"]
