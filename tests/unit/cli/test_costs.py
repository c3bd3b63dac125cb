"""How `gesso costs` counts, and how tables within a result are shown."""

import pytest

from cli.costs import percent
from cli.output import show


@pytest.mark.parametrize(
    ("part", "whole", "shown"), [(1, 3, 33.3), (-5, 10, -50.0), (0, 10, 0.0), (0, 0, None), (5, 0, None)]
)
def test_a_share_of_nothing_is_none(part: int, whole: int, shown: float | None) -> None:
    assert percent(part, whole) == shown


def test_a_result_with_rows_is_shown_as_fields_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        {"total": {"paid": 2}, "rows": [{"model": "a", "paid": 1}, {"model": "bcd", "paid": None}], "flags": []},
        as_json=False,
    )
    assert capsys.readouterr().out.splitlines() == [
        "total  paid=2",
        "flags  ",
        "",
        "rows",
        "model  paid",
        "a      1",
        "bcd    -",
    ]
