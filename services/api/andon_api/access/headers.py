"""The headers that tell browsers what they may do with an answer. A route that needs another policy sets its own."""

from flask import Response, request

PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
NO_PAGE = "default-src 'none'; frame-ancestors 'none'; sandbox"
FEATURES = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "microphone", "payment", "usb")

_ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", ", ".join(f"{feature}=()" for feature in FEATURES)),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]


def harden(response: Response) -> Response:
    """Add what is missing."""
    given = {name.lower() for name, _ in response.headers}
    page = response.mimetype == "text/html"
    wanted = [*_ALWAYS, ("Content-Security-Policy", PAGE if page else NO_PAGE)]
    if request.is_secure:
        wanted.append(("Strict-Transport-Security", "max-age=31536000"))
    if request.endpoint != "console.static":  # going back to a page after logging out must show nothing
        wanted.append(("Cache-Control", "no-store" if page else "private, no-cache"))
    for name, value in wanted:
        if name.lower() not in given:
            response.headers.add(name, value)
    return response
