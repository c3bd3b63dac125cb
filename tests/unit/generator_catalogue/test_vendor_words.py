"""What a vendor's headers, errors and masks mean."""

from datetime import UTC, datetime

import pytest

from generator.providers.base import Bought
from generator.providers.complaints import fault_of
from generator.providers.http import retry_after_seconds
from generator.providers.masks import alpha_png
from generator.providers.openai_errors import read_complaint
from gesso.errors.v1 import reason_pb2 as reason
from pictures.inspection import inspect
from pictures.studio import Pixels, Studio

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": "9", "retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "86400"}, 3600.0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "tomorrow"}, None),
    ],
)
def test_when_a_vendor_wants_to_be_asked_again(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_seconds(headers, NOW) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"error":{"message":"m","code":"content_policy_violation"}}', reason.REASON_UPSTREAM_REFUSED),
        (400, b'{"error":{"message":"m","code":"billing_hard_limit_reached"}}', reason.REASON_UPSTREAM_DENIED),
        (400, b'{"error":{"message":"m","param":"size","code":null}}', reason.REASON_UPSTREAM_INVALID),
        (403, b'{"error":{"message":"verify your organization"}}', reason.REASON_UPSTREAM_DENIED),
        (429, b"<html>", reason.REASON_UPSTREAM_RATE_LIMITED),
        (502, b"<html>", reason.REASON_UPSTREAM_FAILED),
        (302, b"", reason.REASON_UPSTREAM_FAILED),
        (404, b'{"detail":"no route"}', reason.REASON_UPSTREAM_FAILED),
    ],
)
def test_openais_code_goes_before_its_status(status: int, body: bytes, expected: reason.Reason.ValueType) -> None:
    fault = fault_of("openai", read_complaint(status, body), bought=Bought.NO, status=status)
    assert fault.reason == expected


def test_openais_parameter_is_named_and_its_message_is_not_passed_on() -> None:
    body = b'{"error":{"message":"key sk-123 is wrong","type":"invalid_request_error","param":"size","code":"x"}}'
    fault = fault_of("openai", read_complaint(400, body), bought=Bought.NO, status=400)
    assert fault.details == {"provider": "openai", "field": "size"}
    assert "sk-123" not in fault.message


async def test_openais_mask_is_transparent_where_ours_is_white() -> None:
    ours = Pixels(width=3, height=2, data=bytes(value for grey in (0, 255, 100, 255, 0, 1) for value in [grey] * 3))
    mask = alpha_png(ours)
    assert (inspect(mask).width, inspect(mask).height, inspect(mask).has_alpha) == (3, 2, True)
    async with Studio() as studio:
        back = await studio.to_white_mask(mask, width=3, height=2)
        pixels = await studio.pixels(back.data, max_side=3)
    assert bytes(pixels.data)[0::3] == bytes([0, 255, 100, 255, 0, 1])
