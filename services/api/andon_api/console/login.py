"""Logging in with a key, and out. The page works without scripts."""

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug import Response as Answer

from andon_api.access.gate import gate
from andon_api.access.origins import parts_of
from andon_api.access.sessions import COOKIE

LARGEST_FORM = 64 * 1024
SAID = "This key is not known, has run out or was revoked."


def blueprint() -> Blueprint:
    """`/login` and `/logout`."""
    made = Blueprint("login", __name__)
    made.get("/login")(page)
    made.post("/login")(enter)
    made.post("/logout")(leave)
    return made


def page() -> str | Answer:
    """The form that asks for a key."""
    if not gate().closed:
        return redirect("/", 303)
    return render_template("console/login.html", next=_local(request.args.get("next", "/")), said=None)


def enter() -> str | tuple[str, int] | Answer:
    """Begin a session and go where the person wanted to."""
    request.max_content_length = LARGEST_FORM  # it comes from anybody
    then = _local(request.form.get("next", "/"))
    known = gate().keys.by_secret(request.form.get("key", "").strip())
    if known is None:
        return render_template("console/login.html", next=then, said=SAID), 401
    answer = redirect(then, 303)
    sessions = gate().sessions
    answer.set_cookie(
        COOKIE,
        sessions.begin(known),
        max_age=int(sessions.seconds),
        httponly=True,
        secure=request.is_secure,
        samesite="Lax",
    )
    return answer


def leave() -> Answer:
    """End the session in this browser."""
    answer: Answer = Response("", 303, {"Location": "/login"})
    answer.delete_cookie(COOKIE, httponly=True, secure=request.is_secure, samesite="Lax")
    return answer


def _local(target: str) -> str:
    """The path, if it is one of ours: nobody is sent to another site from here."""
    parts = parts_of(target)
    ours = parts.path.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if ours and target.isprintable() else "/"
