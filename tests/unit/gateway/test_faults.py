"""Every reason has its status, and its words in every dialect."""

import msgspec
import pytest

from gateway.dialects import DIALECTS, Settings
from gateway.dialects.base import Dialect, Problem
from gateway.faults import STATUSES
from gateway.middleware.faults import worded
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.faults import Fault, InsufficientFunds
from servicekit.settings import load

REASONS = sorted(set(Reason.values()) - {pb.REASON_UNSPECIFIED})
SPOKEN = [make(load(Settings, {})) for make in DIALECTS]


def test_the_status_table_is_complete() -> None:
    assert sorted(STATUSES) == REASONS


@pytest.mark.parametrize("dialect", SPOKEN, ids=lambda dialect: str(dialect.name))
@pytest.mark.parametrize("reason", REASONS, ids=Reason.Name)
def test_every_dialect_words_every_reason(dialect: Dialect, reason: Reason.ValueType) -> None:
    reply = dialect.word(Problem(Fault(reason, "Because.", details={"field": "prompt"}), STATUSES[reason], "req_1"))
    (body,) = reply.body
    assert isinstance(body, bytes)
    assert reply.status >= 400
    # What is missing, money or a key, is told in the words of each API's document, and in its own figures; BigAPI's has words for
    # a key that is not known, too.
    documented = reason == pb.REASON_CREDENTIAL_INVALID and dialect.name == "bigapi"
    assert b"Because." in body or documented or reason in (pb.REASON_INSUFFICIENT_FUNDS, pb.REASON_CREDENTIAL_MISSING)
    msgspec.json.decode(body)


def test_openai_has_a_code_for_each() -> None:
    (openai,) = (dialect for dialect in SPOKEN if dialect.name == "openai")
    for reason in REASONS:
        (body,) = openai.word(Problem(Fault(reason, "Because."), STATUSES[reason], "req_1")).body
        error = msgspec.json.decode(body)["error"]  # type: ignore[arg-type]  # no picture stands in an error
        assert error["type"]
        assert error["code"]


def test_openai_tells_what_is_missing_in_dollars() -> None:
    (openai,) = (dialect for dialect in SPOKEN if dialect.name == "openai")
    (body,) = openai.word(Problem(InsufficientFunds(required_micros=40_000, available_micros=2_500), 402, "req_1")).body
    error = msgspec.json.decode(body)["error"]  # type: ignore[arg-type]  # no picture stands in an error
    assert "0.04 USD" in error["message"]
    assert "0.0025 USD" in error["message"]


def test_headers_say_what_may_be_done_about_it() -> None:
    def headers(fault: Fault, *, began: bool = False) -> dict[str, str]:
        return dict(worded(fault, SPOKEN[0], request_id="req_1", public_url="", purchase_began=began).headers)

    assert headers(Fault(pb.REASON_RATE_LIMITED, "", retry_after_seconds=0.2)) == {"Retry-After": "1"}
    assert headers(Fault(pb.REASON_RATE_LIMITED, "", retry_after_seconds=1.2)) == {"Retry-After": "2"}
    assert headers(Fault(pb.REASON_METHOD_NOT_ALLOWED, "", details={"allow": "GET"})) == {"Allow": "GET"}
    assert "WWW-Authenticate" in headers(Fault(pb.REASON_KEY_REVOKED, ""))
    assert headers(Fault(pb.REASON_INTERNAL, "")) == {}
    assert headers(Fault(pb.REASON_INTERNAL, ""), began=True) == {"X-Should-Retry": "false"}
    assert headers(Fault(pb.REASON_UPSTREAM_REFUSED, ""), began=True) == {}
