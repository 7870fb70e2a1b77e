"""JSON as a tree that folds, of so many nodes and no more."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

MOST_NODES = 2_000
MOST_CHILDREN = 100
MOST_LEVELS = 40
LONGEST_TEXT = 2_000
OPEN_NODES = 30
"""So many of the first are shown unfolded."""


@dataclass
class Node:
    """A value: `text` of a plain one; of others their children, and how many more there are."""

    key: str | None
    kind: str
    text: str = ""
    children: list[Node] = field(default_factory=list)
    more: int = 0
    size: int = 0
    open: bool = False


def tree(value: Any) -> Node:
    """The value as nodes, breadth first: where they run out, what lies deep is left out."""
    root = _node(None, value)
    left, shown, depth, level = MOST_NODES, OPEN_NODES, 0, [(root, value)]
    while level:
        below: list[tuple[Node, Any]] = []
        for node, held in level:
            if not isinstance(held, (dict, list)):
                continue
            pairs = held.items() if isinstance(held, dict) else enumerate(held)
            room = max(min(MOST_CHILDREN, left), 0) if depth < MOST_LEVELS else 0
            for place, (key, child) in enumerate(pairs):
                if place >= room:
                    break
                made = _node(str(key), child)
                node.children.append(made)
                below.append((made, child))
            left -= len(node.children)
            node.more = len(held) - len(node.children)
            node.open = shown >= len(node.children)
            shown -= len(node.children)
        level = below
        depth += 1
    return root


def _node(key: str | None, value: Any) -> Node:
    if isinstance(value, dict):
        return Node(key, "object", size=len(value))
    if isinstance(value, list):
        return Node(key, "list", size=len(value))
    if isinstance(value, str):
        text = value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}… ({len(value):,} characters)"
        return Node(key, "text", json.dumps(text, ensure_ascii=False))
    return Node(key, "other", json.dumps(value))
