"""What is sent to an address that a vendor was given goes to the generator as it came; nothing else goes anywhere."""

from typing import Any

import pytest

from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2 as generator_pb
from servicekit.callbacks import CallbackName, callback_path
from servicekit.faults import Fault, Unavailable
from servicekit.ids import new_id

LINK_KEY = bytes(32)
BODY = b'{"request_id":  "r-1"}\n'


def address(provider: str = "fal") -> str:
    """An address as the generator makes it."""
    return callback_path(CallbackName(provider, f"{new_id('job')}/0", 0), LINK_KEY)


async def test_a_call_is_handed_on_with_its_headers_and_the_very_bytes_of_its_body(edge: Any) -> None:
    handed: list[generator_pb.DeliverRequest] = []

    def deliver(request: generator_pb.DeliverRequest) -> generator_pb.DeliverResponse:
        handed.append(request)
        return generator_pb.DeliverResponse()

    edge.generator.scripts["Deliver"] = deliver
    path = address()
    headers = {"Content-Type": "application/json", "X-Fal-Webhook-Signature": "ab"}
    async with edge.session.post(edge.url + path, data=BODY, headers=headers) as response:
        assert (response.status, await response.read()) == (204, b"")
    (call,) = handed
    assert f"/hooks/{call.provider}/{call.token}" == path
    assert (call.body, call.headers["x-fal-webhook-signature"]) == (BODY, "ab")
    assert not edge.billing.takings


async def test_what_no_vendor_was_given_goes_nowhere_and_counts_against_its_address(edge: Any) -> None:
    for path in ("/hooks/fal/guessed", "/hooks/fal", "/hooks/", address("replicate").replace("replicate", "fal")):
        async with edge.session.post(edge.url + path, json={}) as response:
            assert (response.status, (await response.json())["error"]["type"]) == (404, "invalid_request_error")
    assert edge.billing.takings == [("127.0.0.1", "keyless")] * 4


@pytest.mark.parametrize(
    ("fault", "status", "counted"),
    [
        (Fault(pb.REASON_FORBIDDEN, "This call is not signed by fal."), 403, 1),
        (Fault(pb.REASON_NOT_FOUND, "No vendor was given this address."), 404, 1),
        (Unavailable("upstream"), 503, 0),
    ],
    ids=["forged", "unknown", "not now"],
)
async def test_what_the_generator_does_not_take_is_answered_so_that_a_vendor_tries_again_where_it_may(
    edge: Any, fault: Fault, status: int, counted: int
) -> None:
    def deliver(_: generator_pb.DeliverRequest) -> generator_pb.DeliverResponse:
        raise fault

    edge.generator.scripts["Deliver"] = deliver
    async with edge.session.post(edge.url + address(), json={}) as response:
        assert response.status == status
        assert ("Retry-After" in response.headers) == (status == 503)
    assert len(edge.billing.takings) == counted


async def test_an_address_takes_json_of_a_mebibyte_by_post_alone(edge: Any) -> None:
    async with edge.session.get(edge.url + address()) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
    headers = {"Content-Type": "application/json"}
    for body in (bytes(1 << 21), _chunks()):
        async with edge.session.post(edge.url + address(), data=body, headers=headers) as response:
            assert response.status == 413
    async with edge.session.post(edge.url + address(), data=b"x=1") as response:
        assert response.status == 415


async def _chunks() -> Any:
    for _ in range(33):
        yield bytes(1 << 16)
