"""`48° 12' 30" N`: angles in degrees, minutes and seconds, as places are written."""

from andon.reports.values.spelling import Spelling, parts

_ANGLE = (
    r"\s*(?P<d>\d{1,3}) ?[°º]\s*(?P<m>[0-5]?\d(?:\.\d+)?) ?['′’]\s*(?:(?P<s>[0-5]?\d(?:\.\d+)?) ?(?:\"|″|”|'')\s*)?"
    r"(?P<side>[NSEWO])\s*"
)
DEGREES = Spelling(
    "number",
    {"kind": "degrees"},
    _ANGLE,
    f"list_transform([{parts(_ANGLE)}], lambda told: (CASE WHEN told.side IN ('S', 'W') THEN -1.0::DOUBLE "
    "ELSE 1.0::DOUBLE END) * (try_cast(told.d AS DOUBLE) + try_cast(told.m AS DOUBLE) / 60 "
    "+ coalesce(try_cast(told.s AS DOUBLE), 0.0) / 3600))[1]",
    "48° 12' 30\" N",
    notes=("Degrees and minutes are read as degrees: 48° 30' N is 48.5, and what lies south or west is below 0.",),
)
