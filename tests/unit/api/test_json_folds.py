"""JSON as a tree for people: bounded, whatever a step returns."""

from __future__ import annotations

from typing import Any

from andon_api.console.parts.json_view import LONGEST_TEXT, MOST_CHILDREN, MOST_NODES, Node, tree


def count(node: Node) -> int:
    return 1 + sum(count(each) for each in node.children)


def test_values_are_written_as_json_with_their_keys() -> None:
    root = tree({"a": [1, None], "b": "ä"})
    assert [(each.key, each.kind, each.text) for each in root.children] == [("a", "list", ""), ("b", "text", '"ä"')]
    assert [each.text for each in root.children[0].children] == ["1", "null"]
    assert root.open


def test_a_long_list_tells_how_many_more_there_are() -> None:
    root = tree(list(range(5_000)))
    assert (len(root.children), root.more, root.open) == (MOST_CHILDREN, 4_900, False)


def test_a_large_value_has_so_many_nodes_and_says_what_is_left_out() -> None:
    root = tree([[[n] * 50 for n in range(90)] for _ in range(90)])
    assert count(root) <= MOST_NODES + 1
    assert any(each.more for each in root.children)


def test_deep_values_and_long_texts_are_bounded() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    assert count(tree(deep)) <= MOST_NODES + 1
    assert len(tree("x" * 10**6).text) < LONGEST_TEXT + 100
