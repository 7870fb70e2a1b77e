"""NumPy holds on in C for as long as one operation takes: in a process of its own it is killed after the grace."""

from andon import CancelOn, Event, Step, function


@function(
    id="multiply-matrices",
    trigger="example/product.requested",
    cancel_on=[CancelOn("example/work.cancelled", match="data.id")],
)
def multiply_matrices(event: Event, step: Step) -> dict[str, float]:
    """The trace of a random matrix to the power of `data.power`."""
    return {"trace": step.run("multiply", _power, event.data["size"], event.data["power"], grace=0.1)}


def _power(size: int, power: int) -> float:
    import numpy

    matrix = numpy.random.default_rng(1).random((size, size)) / size
    product = matrix
    for _ in range(power):
        product = product @ matrix
    return float(product.trace())
