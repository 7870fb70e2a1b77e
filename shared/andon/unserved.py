"""What was saved and can't be served: kept in the home of `andon dev` until the next good save, for the console."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE = "unserved.json"


def keep(home: Path, whys: Mapping[str, str]) -> None:
    """Why each of these modules can't be served, as of now; nothing is kept where all can."""
    if whys:
        (made := home / f"{FILE}.new").write_text(json.dumps({"at": datetime.now(UTC).isoformat(), "whys": dict(whys)}))
        made.rename(home / FILE)
    else:
        (home / FILE).unlink(missing_ok=True)


def kept(home: Path) -> dict[str, Any] | None:
    """`at`, and `whys` by module; None where all is served, or this is no home of `andon dev`."""
    try:
        told = json.loads((home / FILE).read_text())
        return {"at": datetime.fromisoformat(told["at"]), "whys": dict(told["whys"])}
    except (OSError, ValueError, LookupError, TypeError):
        return None
