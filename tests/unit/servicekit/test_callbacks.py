"""A callback's token names one order and cannot be made, or turned to another, without the platform's key."""

import pytest

from servicekit.callbacks import CallbackName, callback_path, callback_secret, callback_token, open_callback
from servicekit.ids import new_id

KEY, OTHER_KEY = bytes(32), bytes([1]) * 32
NAME = CallbackName("fal", f"{new_id('job')}/12", 3)


def test_a_token_names_the_order_that_it_was_made_for() -> None:
    token = callback_token(NAME, KEY)
    assert open_callback("fal", token, KEY) == NAME
    assert callback_token(NAME, KEY) == token
    assert callback_path(NAME, KEY) == f"/hooks/fal/{token}"


def test_a_token_that_was_not_given_out_opens_nothing() -> None:
    token = callback_token(NAME, KEY)
    others = [
        token[:-1],
        token + "A",
        "",
        token.replace("-3-", "-4-", 1),
        token[:-24] + token[-24:].swapcase(),
        token.replace(token[:26], new_id("job").removeprefix("job_")),
        "../../" + token,
    ]
    assert [open_callback("fal", other, KEY) for other in others] == [None] * len(others)
    assert open_callback("replicate", token, KEY) is None
    assert open_callback("fal", token, OTHER_KEY) is None


@pytest.mark.parametrize("other", [CallbackName("bfl", NAME.task_id, 3), CallbackName("fal", NAME.task_id, 4)])
def test_each_address_has_a_secret_of_its_own_that_its_token_does_not_show(other: CallbackName) -> None:
    secret = callback_secret(NAME, KEY)
    assert secret != callback_secret(other, KEY)
    assert secret not in callback_token(NAME, KEY)
