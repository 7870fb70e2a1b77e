"""What a page bears: long names in sentences, many names as drivers, charts on a narrow screen."""

from itertools import pairwise

import pytest

from andon_worker.hybrid_report import SECTIONS, charts
from andon_worker.hybrid_report.charts import Bar, Interval, Series
from andon_worker.hybrid_report.charts.axes import Scale, tick_texts
from andon_worker.hybrid_report.drawing import FULL, HALF, Drawing, Rect, Text, narrowed, text_width
from andon_worker.hybrid_report.naming import Names
from andon_worker.hybrid_report.wording import Wording, brief
from tests.unit.hybrid_report.conftest import Profile

WORDING = Wording()
LONG = [f"Branch of the {place} quarter beside the river" for place in ("first", "second", "third")]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("net revenue", "net revenue"),
        ("total_net_revenue_after_discounts_and_returns_eur", "total_net_revenue_after…and_returns_eur"),
        ("average_response_time_of_support_tickets (hours)", "average_response_time … tickets (hours)"),
        ("Which tools do you use? (Select all that apply)", "“Which tools do you use?”"),
        ("How satisfied are you with our service on a scale from 1 to 10?", "“How satisfied are you … from 1 to 10?”"),
    ],
)  # fmt: skip
def test_a_long_name_is_short_in_a_sentence_and_keeps_its_unit(name: str, said: str) -> None:
    assert brief(name) == said


@pytest.mark.parametrize("name", ["x" * 90, "_" * 90, "(" * 90, "ab " * 40, ""])
def test_any_name_is_short_in_a_sentence(name: str) -> None:
    assert len(brief(name)) <= 43


def drawings() -> list[Drawing]:
    days = [(f"2024-{month:02}-01", float(month * 1_000)) for month in range(1, 13)]
    names = [*LONG, *(f"column {place}" for place in range(7))]
    matrix = [[0.5] * len(names)] * len(names)
    return [
        charts.bars("t", [Bar(name, 1_234_567.0, "1,234,567 (33.3%)") for name in LONG], FULL),
        charts.bars("t", [Bar(name, value, "9.0") for name, value in zip(LONG, (-5.0, 2.0, 9.0), strict=True)], FULL),
        charts.line("t", [Series(name, days) for name in LONG], WORDING),
        charts.line("t", [Series("one", days)], WORDING, marks=[("2024-12-01", 12_000.0, "12,000")]),
        charts.heat_map("t", names, matrix, WORDING),
        charts.intervals("t", [Interval(name, 5.0, 4.0, 6.0) for name in LONG], WORDING),
    ]  # fmt: skip


@pytest.mark.parametrize("drawing", drawings(), ids=lambda drawing: f"{len(drawing.shapes)}-shapes")
def test_a_wide_chart_fits_a_narrow_screen_and_nothing_in_it_lies_over_another(drawing: Drawing) -> None:
    narrow = narrowed(drawing)
    assert (narrow.width, narrow.height >= drawing.height) == (HALF, True)
    for shape in narrow.shapes:
        if isinstance(shape, Rect):
            assert -1 <= shape.x <= shape.x + shape.width <= HALF + 1
    texts = [shape for shape in narrow.shapes if isinstance(shape, Text)]
    spans: dict[tuple[float, str], list[tuple[float, float]]] = {}
    for text in texts:
        wide = text_width(text.text, text.size)
        left = text.x - {"start": 0.0, "middle": wide / 2, "end": wide}[text.anchor]
        assert left >= -1
        assert left + wide <= HALF + 1
        spans.setdefault((text.y, text.anchor), []).append((left, left + wide))
    for row in spans.values():
        ordered = sorted(row)
        assert all(one[1] <= other[0] + 1 for one, other in pairwise(ordered))


@pytest.mark.parametrize("many", [3, 7, 11])
def test_a_matrix_on_a_narrow_screen_has_all_of_its_numbers_and_names(many: int) -> None:
    names = [f"column no. {place}" for place in range(many)]
    matrix = [[place / 100 for place in range(many)]] * many
    texts = [
        each.text for each in narrowed(charts.heat_map("t", names, matrix, WORDING)).shapes if isinstance(each, Text)
    ]
    assert texts.count(WORDING.coefficient(0.0)) == many
    assert all(name in texts for name in names) or all(str(place) in texts for place in range(1, many + 1))
    if many == 11:  # the names stand below, and whole
        assert all(any(name in text for text in texts) for name in names)


@pytest.mark.parametrize(
    ("low", "high", "log"), [(1, 96, False), (0.4, 10.2, False), (3, 96, True), (2e6, 9e6, True), (7, 8, False)]
)
@pytest.mark.parametrize("about", [3, 4, 7])
def test_an_axis_has_two_marks_and_no_two_are_alike(low: float, high: float, log: bool, about: int) -> None:
    for whole in (True, False):
        texts = tick_texts(Scale(low, high, 0, 300, log).marks(about, whole), WORDING)
        assert len(set(texts)) == len(texts) > 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("net has 3 values above 4.", "Column net ($) has 3 values above 4."),
        ("net and Pay rise and fall together.", "Columns net and Pay rise and fall together."),
        ("By level, the mean of Pay is 3 where Pay is 4.", "By level, the mean of Pay (€) is 3 where Pay is 4."),
        ("month runs from May to June.", "Month runs from May to June."),
        ("Share % rose with Pay (€).", "Share % rose with Pay (€)."),
        ("The network of Paying costs.", "The network of Paying costs."),
        ("“is it net?” has 2 values.", "“is it net?” has 2 values."),
    ],
)
def test_a_sentence_names_units_once_and_begins_with_a_capital(text: str, said: str) -> None:
    units = {"Pay": "€", "net": "$", "Share %": "%", "is it net?": None}
    assert Names([{"name": name, "role": "money", "unit": unit} for name, unit in units.items()]).sentence(text) == said


def test_names_beyond_the_most_frequent_are_one_group_and_that_is_said(profile: Profile) -> None:
    rows = [(f"shop {place % 220}", 100 * (place % 220 % 5) + place % 7 + 0.5) for place in range(1_500)]
    rows += [(f"shop {place % 10}", 100 * (place % 5) + place % 7 + 0.5) for place in range(500)]
    result = profile("drivers", "shop,amount\n" + "".join(f"{shop},{amount}\n" for shop, amount in rows))
    [driver] = result["drivers"]
    assert (driver["column"], driver["others"], driver["groups"][-1]["name"]) == ("shop", 20, "20 others")
    told = "\n".join(sentence.text for sentence in SECTIONS["drivers"].sentences(result, WORDING))
    assert "Of shop, the 200 most frequent names are told apart; all others are one group." in told


def test_a_price_of_few_is_no_placeholder(profile: Profile) -> None:
    text = "id,amount\n" + "".join(f"{place},{(9.99, 29, 99)[place % 3]}\n" for place in range(120))
    assert not [alert for alert in profile("quality", text)["alerts"] if alert["kind"] == "placeholder"]
