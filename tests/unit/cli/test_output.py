"""What a terminal shows while something runs."""

from cli.output import bar


def test_a_bar_fills_by_what_is_done() -> None:
    assert [bar(share, 0).count("━") for share in (0.0, 0.5, 1.0)] == [0, 12, 24]


def test_a_bar_of_unknown_length_moves_and_keeps_its_width() -> None:
    shown = [bar(None, seconds) for seconds in (0.0, 1.0, 2.0, 4.7)]
    assert len(set(shown)) == 4
    assert {len(one) for one in shown} == {24}
    assert all("━" in one for one in shown)
