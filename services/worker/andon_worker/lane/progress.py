"""What a lane says without a word, in memory that it shares with its supervisor: its run's progress, written in a loop
and read now and then, and which attempt at a step has begun, which nobody needs to hear of when it ends soon.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import tempfile

NOTE = mmap.PAGESIZE
SIZE = 4 * mmap.PAGESIZE
_HEAD = struct.Struct("<Qd?I")  # count of writes (odd while one is under way), fraction or NaN, has a note, its bytes
_BEGUN = struct.Struct("<QI")  # which attempt of its run that is (0 while it is written), its bytes
_NONE = float("nan")


def make_page() -> int:
    """A descriptor of a fresh page."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("andon-progress")
    else:
        descriptor, path = tempfile.mkstemp()
        os.unlink(path)
    os.truncate(descriptor, SIZE)
    return descriptor


class SharedProgress:
    """Both sides of it. A writer that dies in the middle leaves what can't be read, and nothing worse."""

    def __init__(self, descriptor: int) -> None:
        self._page = mmap.mmap(descriptor, SIZE)
        os.close(descriptor)
        self._count = 0

    def show(self, fraction: float | None, note: str | None) -> None:
        """Write it."""
        text = (note or "").encode()[: NOTE - _HEAD.size]
        said = _NONE if fraction is None else fraction
        self._count += 2
        _HEAD.pack_into(self._page, 0, self._count - 1, said, note is not None, len(text))
        self._page[_HEAD.size : _HEAD.size + len(text)] = text
        _HEAD.pack_into(self._page, 0, self._count, said, note is not None, len(text))

    def read(self) -> tuple[int, float | None, str | None]:
        """How often it was written, and what was written last; a write under way counts as none."""
        if self._page.closed:
            return 0, None, None
        count, fraction, has_note, length = _HEAD.unpack_from(self._page)
        text = self._page[_HEAD.size : _HEAD.size + min(length, NOTE - _HEAD.size)]
        if count % 2 or _HEAD.unpack_from(self._page)[0] != count:
            return 0, None, None
        note = text.decode(errors="ignore") if has_note else None
        return count, None if fraction != fraction else fraction, note

    def begin(self, number: int, text: bytes) -> bool:
        """Write what has begun as the run's attempt of this number (from 1); False if that is too long."""
        start = NOTE + _BEGUN.size
        if start + len(text) > SIZE:
            return False
        _BEGUN.pack_into(self._page, NOTE, 0, 0)
        self._page[start : start + len(text)] = text
        _BEGUN.pack_into(self._page, NOTE, number, len(text))
        return True

    def begun(self, after: int) -> tuple[int, bytes] | None:
        """What has begun last, if its number is above `after`, and that is readable now."""
        if self._page.closed:
            return None
        number, length = _BEGUN.unpack_from(self._page, NOTE)
        if number <= after:
            return None
        start = NOTE + _BEGUN.size
        text = self._page[start : start + min(length, SIZE - start)]
        return (number, text) if _BEGUN.unpack_from(self._page, NOTE) == (number, length) else None

    def clear(self) -> None:
        """For the next run."""
        self._count = 0
        _HEAD.pack_into(self._page, 0, 0, _NONE, False, 0)
        _BEGUN.pack_into(self._page, NOTE, 0, 0)

    def close(self) -> None:
        """Let the page go."""
        self._page.close()
