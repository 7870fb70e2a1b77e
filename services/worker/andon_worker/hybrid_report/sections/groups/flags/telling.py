"""How often a flag is set: in words, charts and tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from andon_worker.hybrid_report import charts, evidence
from andon_worker.hybrid_report.charts import Interval
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Grid, Sentence
from andon_worker.hybrid_report.sections.groups.flags.shares import Shares, effect_of, ends_of
from andon_worker.hybrid_report.sections.groups.loading import FEWEST_ROWS
from andon_worker.hybrid_report.wording import Wording, answer, brief, label, some

_DRAWN = 4


def shared(found: list[Shares], wording: Wording) -> list[Sentence]:
    """Where each flag is set most often and least; of several groups that hardly differ, that alone."""
    told = [_sentence(each, wording) for each in found if _is_told(each)]
    alike: dict[str, list[str]] = {}
    for each in found:
        if not each["sure"] and not _is_told(each):
            flag = brief(each["flag"])
            said = f"how often {flag} is {answer(label(each['answer'], 40), flag)}"
            alike.setdefault(said, []).append(brief(each["groupBy"]))
    return told + [Sentence(f"By {some(by)}, {said} differs no more than by chance.") for said, by in alike.items()]


def _is_told(each: Shares) -> bool:
    return bool(each["sure"] or (len(each["groups"]) == 2 and "from" not in each["groups"][0]))


def _sentence(each: Shares, wording: Wording) -> Sentence:
    flag, by, (high, low), difference = brief(each["flag"]), brief(each["groupBy"]), ends_of(each), each["difference"]
    name, said = _names(each, wording, 60), answer(label(each["answer"], 40), flag)

    def of(group: dict[str, Any], rows: str = "") -> str:
        share = wording.percent(group["part"], group["rows"])
        return f"{name(group)} ({share} of {wording.number(group['rows'])}{rows})"

    if "from" in high:
        text = f"{flag} is {said} most often where {by} is {of(high, ' rows')} and least where it is {of(low)}"
    else:
        text = f"By {by}, {_among(each)}{flag} is {said} most often for {of(high, ' rows')} and least for {of(low)}"
    text += (
        f": {_points(difference['estimate'], wording)} percentage points more (95% interval "
        f"{_points(difference['low'], wording)} to {_points(difference['high'], wording)})"
    )
    if each["trend"]:
        text += f"; the share {each['trend']} from part to part"
    if not each["sure"]:
        text += ", which may be chance" + (": it is the largest of many compared" if difference["low"] > 0 else "")
    text += f". {_split(each, wording)}" if each["split"] else "."
    return Sentence(
        text,
        effect=effect_of(each),
        figure=_key(each) if each["sure"] else "",
        about=(each["flag"], each["groupBy"]),
        rows=min(high["rows"], low["rows"]),
    )


def _points(share: float, wording: Wording) -> str:
    return wording.fixed(100 * share, 1)


def _among(each: Shares) -> str:
    """Which groups are compared, where small ones lie beyond."""
    high, low = ends_of(each)
    small = [group for group in each["groups"] if not group["ranked"]]
    if all(low["share"] <= group["share"] <= high["share"] for group in small):
        return ""
    fewest = FEWEST_ROWS if min(high["rows"], low["rows"]) >= FEWEST_ROWS else evidence.FEWEST
    return f"among groups of at least {fewest} rows, "


def _split(each: Shares, wording: Wording) -> str:
    """In which part of the rows the two groups differ most, and in which least or the other way round."""
    high, low = (answer(label(end["value"], 40), brief(each["groupBy"])) for end in ends_of(each))
    by, parts = brief(each["split"]["by"]), each["split"]["parts"]

    def of(part: dict[str, Any]) -> str:
        way = "fewer" if part["difference"] < 0 else "more"
        shares = [
            f"{name} {wording.percent(part[end]['part'], part[end]['rows'])}"
            for name, end in ((high, "high"), (low, "low"))
        ]
        return f"{_points(abs(part['difference']), wording)} points {way} ({', '.join(shares)})"

    first, last = parts[0], parts[-1]
    how = f"Among rows of one {by} it is the other way round" if each["split"]["turned"] else f"It depends on {by}"
    return (
        f"{how}: where that is {answer(label(first['value'], 40), by)}, {of(first)}; where it is "
        f"{answer(label(last['value'], 40), by)}, {of(last)}."
    )


def _names(each: Shares, wording: Wording, most: int) -> Callable[[dict[str, Any]], str]:
    """How a group is called: by its value, or by from where to where its numbers go."""
    by = brief(each["groupBy"])
    say = wording.among([group[end] for group in each["groups"] for end in ("from", "to") if end in group])

    def name(group: dict[str, Any]) -> str:
        if "from" not in group:
            return answer(label(group["value"], most), by)
        low, high = say(group["from"]), say(group["to"])
        return low if low == high else f"{low} to {high}"

    return name


def share_figures(found: list[Shares], wording: Wording) -> list[Figure]:
    made = []
    for each in [each for each in found if each["sure"]][:_DRAWN]:
        name = _names(each, wording, 40)
        rows = [
            Interval(name(g), 100 * g["share"], 100 * g["low"], 100 * g["high"], not g["ranked"]) for g in _listed(each)
        ]
        drawing = charts.intervals(_title(each), rows, wording)
        made.append(Figure(_key(each), _title(each), "% of each group's rows, with 95% intervals", drawing))
    return made


def share_grids(found: list[Shares], wording: Wording) -> list[Grid]:
    made = []
    for each in [each for each in found if _is_told(each)][:_DRAWN]:
        name = _names(each, wording, 48)
        rows = [
            (
                name(g),
                *(wording.number(g[key]) for key in ("rows", "part")),
                *(wording.percent(g[key], 1) for key in ("share", "low", "high")),
            )
            for g in _listed(each)
        ]
        made.append(Grid(_title(each), ("Group", "Rows", "Of these", "Share", "95% from", "95% to"), rows))
    return made


def _listed(each: Shares) -> list[dict[str, Any]]:
    """Numbers as they rise, groups by the order that they have or by their shares."""
    if each["groups"] and "from" in each["groups"][0]:
        return list(each["groups"])
    return in_order(sorted(each["groups"], key=lambda g: -g["share"]), lambda g: str(g["value"]))


def _title(each: Shares) -> str:
    return f"{brief(each['flag'])}: share of “{label(each['answer'], 30)}” by {brief(each['groupBy'])}"


def _key(each: Shares) -> str:
    return f"share-of-{each['flag']}-by-{each['groupBy']}"
