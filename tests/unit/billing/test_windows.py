"""A flush counts once per window, and each of its requests stands where it would alone."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from billing.plans import Window
from billing.windows import Counted, Key, Taking, hand_out, tally

_LIMITS = st.dictionaries(st.sampled_from(Window), st.integers(1, 5), min_size=1)
_TAKINGS = st.lists(st.builds(Taking, st.sampled_from("ab"), st.sampled_from(["x", "y"]), _LIMITS), max_size=20)


@given(takings=_TAKINGS, before=st.integers(0, 5))
def test_a_flush_hands_out_what_single_requests_would_get(takings: list[Taking], before: int) -> None:
    counted = {key: Counted(0, before + added) for key, added in tally(takings).items()}
    one_by_one: Counter[Key] = Counter()

    for taking, states in zip(takings, hand_out(takings, counted), strict=True):
        for state in states:
            one_by_one[taking.key(state.window)] += 1
            used = before + one_by_one[taking.key(state.window)]
            assert state.requests == used
            assert state.remaining == max(0, taking.limits[state.window] - used)
            assert state.refuses == (used > taking.limits[state.window])
            assert state.reset_at == state.window.seconds
