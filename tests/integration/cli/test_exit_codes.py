"""What scripts rely on: a refusal, an outage and a mistake are told apart, in one sentence and never a traceback."""

from __future__ import annotations

import pytest

from andon.embedded.ports import free_port
from tests.integration.cli.conftest import Command


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("reports", "show", "nope"), 3, "Report not found"),
        (("runs", "cancel", "nope"), 3, "Run not found"),
        (("keys", "revoke", "nope"), 3, "Key not found"),
        (("reports", "list", "--status", "odd"), 2, "status: expected one of"),
        (("reports", "create", " "), 2, "title: expected a title"),
        (("datasets", "upload", "/nowhere/at-all.csv"), 2, "No such file"),
        (("events", "send", "a/b.c", "[1]"), 2, "expected a JSON object"),
        (("runs", "list", "--after", "yesterday"), 2, "expected a time such as"),
        (("prune", "--keep-events", "soon"), 2, "expected a duration such as"),
        (("keys", "create", "ci", "--scope", "root"), 2, "scopes: expected at least one of read"),
        (("cancel", "--function", "nobody"), 2, "functionId: expected a registered function"),
    ],
)
def test_a_refusal_has_its_code_and_says_why(command: Command, args: tuple[str, ...], code: int, said: str) -> None:
    refused = command(*args)
    assert refused.code == code, refused
    assert said in " ".join(refused.err.replace("│", " ").split())
    assert refused.out == ""


@pytest.mark.parametrize(
    ("args", "variable", "url"),
    [
        (("reports", "list"), "ANDON_URL", "http://127.0.0.1:{port}"),
        (("keys", "list"), "ANDON_DATABASE_URL", "postgresql://nobody@127.0.0.1:{port}/none"),
        (("prune",), "ANDON_REDIS_URL", "redis://127.0.0.1:{port}/0"),
    ],
)
def test_what_does_not_answer_ends_with_5_and_is_named(
    command: Command, args: tuple[str, ...], variable: str, url: str
) -> None:
    where = url.format(port=free_port())
    refused = command(*args, **{variable: where})
    assert refused.code == 5, refused
    assert "does not answer" in refused.err
    assert len(refused.err.splitlines()) == 1
