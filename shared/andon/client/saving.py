"""Save a file of the API's, whole or not at all."""

import os
from pathlib import Path

from .transport import Transport

CHUNK = 1 << 20


async def save(transport: Transport, path: str, name: str, to: str | os.PathLike[str]) -> Path:
    """Save what is at `path` as `to`, or as `name` in the folder `to`; never half of it under that name."""
    target = Path(to)
    if target.is_dir():
        target = target / Path(name).name
    part = target.with_name(f"{target.name}.part")
    try:
        async with transport.stream(path, CHUNK) as chunks:
            with part.open("wb") as file:
                async for chunk in chunks:
                    file.write(chunk)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target
