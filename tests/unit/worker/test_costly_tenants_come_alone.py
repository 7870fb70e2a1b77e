"""After a batch that was too much, each of its tenants has batches of its own until it is seen who costs so much."""

from __future__ import annotations

from andon_worker.dispatcher.batches.costly import IDLE_SECONDS, Costly


def test_who_costs_little_is_as_any_other_after_one_batch_and_who_costs_much_is_not() -> None:
    costly = Costly(lambda: 100.0)
    costly.was_too_much({"a"}, 400)
    costly.was_too_much({"b"}, 2)
    assert costly.next({"a", "b"}, beside=True) == ("a", 100)
    costly.took("a", 100, 5.0, handled=True, left=False)
    assert costly.next({"a", "b"}, beside=True) == ("b", 1)
    costly.took("b", 1, 0.01, handled=True, left=False)
    assert list(costly) == ["a"]


def test_it_rests_for_as_long_as_its_batch_took_while_others_send() -> None:
    now = [100.0]
    costly = Costly(lambda: now[0])
    costly.was_too_much(["a"], 40)
    costly.took("a", 10, 0.5, handled=True, left=True)
    assert costly.next({"a", "b"}, beside=True) is None
    assert (costly.rest({"a"}), costly.rest({"a", "b"})) == (0.5, 0.0)
    assert costly.next({"a"}, beside=False) == ("a", 1), "so many as go in a twentieth of a second"
    now[0] += 0.75
    assert costly.next({"a", "b"}, beside=True) == ("a", 1)


def test_who_sends_nothing_more_is_forgotten() -> None:
    now = [100.0]
    costly = Costly(lambda: now[0])
    costly.was_too_much(["a"], 40)
    now[0] += IDLE_SECONDS + 1
    assert costly.next({"b"}, beside=True) is None
    assert "a" not in costly
