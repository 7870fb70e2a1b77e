"""Doors: of those who stand there, as many are let in as are free under all their keys, in their order."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from andon.engine.dispatch.opening import Candidate, Decision, decide
from andon.engine.ids import new_id

MINE, YOURS, ALL = (uuid.UUID(int=n) for n in (1, 2, 3))


def line(count: int, *keys: uuid.UUID, doomed: bool = False) -> list[Candidate]:
    return [Candidate(new_id(), keys, doomed) for _ in range(count)]


def opened(
    lines: dict[uuid.UUID, Sequence[Candidate]], free: dict[uuid.UUID, int], *, cut: Sequence[uuid.UUID] = ()
) -> Decision:
    return decide(lines, free, wide=lambda key: key == ALL, whole=lambda door: door not in cut)


def let_in(decision: Decision) -> list[Candidate]:
    return [candidate for candidate, _ in decision.admitted]


def test_as_many_are_let_in_as_are_free_in_the_order_of_the_line() -> None:
    standing = line(5, MINE)
    assert let_in(opened({MINE: standing}, {MINE: 2})) == standing[:2]


def test_nobody_is_let_in_where_nothing_is_free() -> None:
    decision = opened({MINE: line(3, MINE)}, {MINE: 0})
    assert (decision.admitted, decision.moved, decision.again) == ([], [], set())


def test_a_limit_that_no_function_has_any_more_lets_all_go() -> None:
    assert len(let_in(opened({MINE: line(50, MINE)}, {}))) == 50


def test_one_whose_other_key_is_full_goes_to_that_door_and_the_next_is_tried() -> None:
    blocked, other = line(1, MINE, YOURS), line(1, MINE)
    decision = opened({MINE: [*blocked, *other]}, {MINE: 1, YOURS: 0})
    assert let_in(decision) == other
    assert decision.moved == [(blocked[0], MINE, YOURS)]


def test_where_a_wide_key_is_full_only_as_many_move_as_could_go() -> None:
    standing = line(10, MINE, ALL)
    decision = opened({MINE: standing}, {MINE: 2, ALL: 0}, cut=[MINE])
    assert [candidate for candidate, _, _ in decision.moved] == standing[:2]
    assert not decision.again


def test_two_doors_of_one_turn_share_what_is_free_under_a_key_of_both() -> None:
    decision = opened({MINE: line(1, MINE, ALL), YOURS: line(1, YOURS, ALL)}, {MINE: 1, YOURS: 1, ALL: 1})
    assert [door for _, door in decision.admitted] == [MINE]
    assert [(door, other) for _, door, other in decision.moved] == [(YOURS, ALL)]


def test_a_door_is_looked_at_again_where_its_line_is_longer_than_what_was_read_of_it() -> None:
    assert opened({MINE: line(4, MINE)}, {MINE: 9}, cut=[MINE]).again == {MINE}
    assert opened({MINE: line(4, MINE)}, {MINE: 4}, cut=[MINE]).again == set()


def test_one_that_a_wide_cancel_is_about_to_take_is_passed_over_and_its_door_looked_at_again() -> None:
    doomed, other = line(2, MINE, doomed=True), line(1, MINE)
    decision = opened({MINE: [*doomed, *other]}, {MINE: 1})
    assert let_in(decision) == other
    assert decision.again == {MINE}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(4, 6), st.booleans()), max_size=30),
    st.dictionaries(st.integers(0, 7), st.integers(-2, 4)),
)
def test_never_more_are_let_in_than_are_free(runs: list[tuple[int, int, bool]], room: dict[int, int]) -> None:
    keys = [uuid.UUID(int=n) for n in range(8)]
    free = {keys[n]: number for n, number in room.items()}
    lines: dict[uuid.UUID, list[Candidate]] = {}
    for first, second, doomed in runs:
        lines.setdefault(keys[first], []).append(Candidate(new_id(), (keys[first], keys[second]), doomed))
    decision = decide(lines, free, wide=lambda key: key == keys[6], whole=lambda _: True)
    taken = Counter(key for candidate, _ in decision.admitted for key in candidate.keys)
    assert all(number <= max(0, free.get(key, 1 << 62)) for key, number in taken.items())
    assert not {c.run_id for c, _ in decision.admitted} & {c.run_id for c, _, _ in decision.moved}
