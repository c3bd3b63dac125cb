"""The OpenAI provider before a scripted vendor: what it asks for, what it reads, and its verdict on every failure."""

import json
import socket
from typing import NamedTuple

import pytest

from generator.providers.base import Bought, Drawn, UpstreamFault
from generator.providers.openai import PROVIDER, OpenAIProvider
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.sample_pictures import sample
from testkit.upstreams.base import Behaviour
from testkit.upstreams.forms import parse_form
from testkit.upstreams.openai import OpenAIUpstream

from .conftest import CountedMemory, OrderMaker


def asked(upstream: OpenAIUpstream) -> dict[str, object]:
    return dict(json.loads(upstream.requests[-1].body))


async def test_it_orders_what_was_drawn_and_reads_the_pictures(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await openai.submit(order(count=3, width=1536, height=1024, options={"quality": "medium"}), memory)
    assert isinstance(drawn, Drawn)
    assert [inspect(picture.data).width for picture in drawn.pictures] == [1536] * 3
    assert asked(upstream) == {
        "model": "gpt-image-2.5-flare",
        "prompt": "a red fox",
        "n": 3,
        "quality": "medium",
        "size": "1536x1024",
    }
    assert drawn.echoed == {"size": "1536x1024", "quality": "medium", "background": "opaque", "output_format": "png"}
    assert json.loads(drawn.usage_json)["total_tokens"] > 0
    assert drawn.upstream_model == "gpt-image-2.5-flare"
    assert sum(memory.reserved) >= sum(len(picture.data) for picture in drawn.pictures)
    assert upstream.requests[-1].headers["Authorization"] == "Bearer sk-platform"


async def test_a_size_that_the_vendor_does_not_draw_becomes_the_nearest_that_holds_it(
    openai: OpenAIProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await openai.submit(order(width=1000, height=900, options={"quality": "hd"}), memory)
    assert isinstance(drawn, Drawn)
    assert drawn.echoed["size"] == "1008x912"
    assert drawn.echoed["quality"] == "high"
    assert any("1008x912" in warning for warning in drawn.warnings)


async def test_what_the_vendor_cannot_honour_is_a_warning_and_is_never_sent(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await openai.submit(order(negative_prompt="blur", style="vivid", seed=7, steps=20), memory)
    assert isinstance(drawn, Drawn)
    assert [warning.split()[2] for warning in drawn.warnings] == ["negative_prompt.", "style.", "seed.", "steps."]
    assert set(asked(upstream)) == {"model", "prompt", "n", "quality", "size"}


async def test_format_background_moderation_and_account_are_passed_on(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        output_format="webp",
        output_quality=70,
        background="transparent",
        options={"safety_identifier": "u_9f2c"},
    )
    wanted.draw.options["moderation"] = "low"
    drawn = await openai.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    assert inspect(drawn.pictures[0].data).format == "webp"
    expected = {"output_format": "webp", "output_compression": 70, "background": "transparent", "moderation": "low"}
    assert asked(upstream).items() >= {**expected, "safety_identifier": "u_9f2c"}.items()


async def test_an_edit_sends_its_pictures_and_a_mask_that_is_transparent_where_ours_is_white(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    pictures = [sample("png", 64, 32).stamped(1), sample("jpeg", 64, 64).stamped(2)]
    mask = sample("png", 16, 8).stamped(3)
    await openai.submit(order(operation=pb.OPERATION_INPAINT, inputs=pictures, mask=mask, count=2), memory)
    recorded = upstream.requests[-1]
    parts = parse_form(recorded.headers["Content-Type"], recorded.body)
    assert recorded.path == "/v1/images/edits"
    assert [part.data for part in parts if part.name == "image[]"] == pictures
    (sent_mask,) = [part for part in parts if part.name == "mask"]
    assert (inspect(sent_mask.data).width, inspect(sent_mask.data).has_alpha) == (64, True)
    assert {part.name: part.data for part in parts if part.filename is None}["n"] == b"2"


async def test_an_orders_own_key_goes_before_the_platforms(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    await openai.submit(order(secret="sk-own"), memory)
    assert upstream.requests[-1].headers["Authorization"] == "Bearer sk-own"


async def test_an_own_key_that_is_refused_is_not_tried_again(
    openai: OpenAIProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    with pytest.raises(UpstreamFault) as caught:
        await openai.submit(order(secret="not-a-key"), memory)
    assert (caught.value.reason, caught.value.retryable) == (reason.REASON_UPSTREAM_DENIED, False)


async def test_a_key_that_would_break_the_header_is_refused_before_anything_is_sent(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    with pytest.raises(UpstreamFault) as caught:
        await openai.submit(order(secret="sk-own\r\nX-Evil: 1"), memory)
    assert (caught.value.reason, caught.value.bought) == (reason.REASON_UPSTREAM_DENIED, Bought.NO)
    assert not upstream.requests


class Verdict(NamedTuple):
    """What a behaviour of the vendor is to us."""

    behaviour: str
    reason: reason.Reason.ValueType
    bought: Bought
    retryable: bool = True


_VERDICTS = [
    Verdict("refusal", reason.REASON_UPSTREAM_REFUSED, Bought.NO, retryable=False),
    Verdict("rate_limited", reason.REASON_UPSTREAM_RATE_LIMITED, Bought.NO),
    Verdict("out_of_quota", reason.REASON_UPSTREAM_DENIED, Bought.NO),
    Verdict("unauthorized", reason.REASON_UPSTREAM_DENIED, Bought.NO),
    Verdict("model_not_found", reason.REASON_UPSTREAM_FAILED, Bought.NO),
    Verdict("server_error", reason.REASON_UPSTREAM_FAILED, Bought.NO),
    Verdict("server_error:503", reason.REASON_UPSTREAM_FAILED, Bought.NO),
    Verdict("server_error:504", reason.REASON_UPSTREAM_FAILED, Bought.UNKNOWN),
    Verdict("drop_before_accept", reason.REASON_UPSTREAM_FAILED, Bought.UNKNOWN),
    Verdict("drop_after_accept", reason.REASON_UPSTREAM_FAILED, Bought.UNKNOWN),
    Verdict("drop_mid_answer", reason.REASON_UPSTREAM_FAILED, Bought.YES),
    Verdict("garbage", reason.REASON_UPSTREAM_FAILED, Bought.YES),
    Verdict("bad_base64", reason.REASON_UPSTREAM_FAILED, Bought.YES),
    Verdict("empty", reason.REASON_UPSTREAM_FAILED, Bought.YES),
]


@pytest.mark.parametrize("verdict", _VERDICTS, ids=[verdict.behaviour for verdict in _VERDICTS])
async def test_every_failure_says_whether_it_bought_and_whether_to_try_again(
    openai: OpenAIProvider, order: OrderMaker, memory: CountedMemory, verdict: Verdict
) -> None:
    with pytest.raises(UpstreamFault) as caught:
        await openai.submit(order(prompt=f"a fox [[{verdict.behaviour}]]"), memory)
    fault = caught.value
    assert Verdict(verdict.behaviour, fault.reason, fault.bought, fault.retryable) == verdict
    assert fault.details["provider"] == "openai"
    assert "sk-" not in fault.message


async def test_an_order_that_outlives_its_deadline_may_have_been_bought(
    openai: OpenAIProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    with pytest.raises(UpstreamFault) as caught:
        await openai.submit(order(prompt="a fox [[hang]]", deadline_seconds=0.2), memory)
    assert (caught.value.reason, caught.value.bought) == (reason.REASON_TIMEOUT, Bought.UNKNOWN)


async def test_a_vendor_that_cannot_be_reached_sold_nothing(order: OrderMaker, memory: CountedMemory) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        provider = OpenAIProvider(api_key="sk-platform", base_url=f"http://127.0.0.1:{unheard.getsockname()[1]}/v1")
        with pytest.raises(UpstreamFault) as caught:
            await provider.submit(order(), memory)
        await provider.close()
    assert (caught.value.reason, caught.value.bought) == (reason.REASON_UPSTREAM_FAILED, Bought.NO)


async def test_a_rate_limit_says_when_to_come_back(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    upstream.script.append(Behaviour("rate_limited", seconds=2.5))
    with pytest.raises(UpstreamFault) as caught:
        await openai.submit(order(), memory)
    assert caught.value.retry_after_seconds == 2.5


async def test_pictures_beyond_those_ordered_are_left_out(
    openai: OpenAIProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await openai.submit(order(prompt="a fox [[duplicate]]", count=2), memory)
    assert isinstance(drawn, Drawn)
    assert len(drawn.pictures) == 2


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [("not_an_image", "text"), ("truncated", "png"), ("bomb", "png"), ("wrong_type", "jpeg")],
)
async def test_what_the_bytes_are_is_left_to_those_who_inspect_them(
    openai: OpenAIProvider, order: OrderMaker, memory: CountedMemory, behaviour: str, kind: str
) -> None:
    drawn = await openai.submit(order(prompt=f"a fox [[{behaviour}]]"), memory)
    assert isinstance(drawn, Drawn)
    starts = {"text": b"This", "png": b"\x89PNG", "jpeg": b"\xff\xd8\xff"}
    assert bytes(drawn.pictures[0].data).startswith(starts[kind])


async def test_a_large_reply_is_reserved_before_it_is_read(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    upstream.payload_bytes = 6_000_000
    drawn = await openai.submit(order(), memory)
    assert isinstance(drawn, Drawn)
    assert len(drawn.pictures[0].data) >= 6_000_000
    assert memory.reserved[0] >= 6_000_000


async def test_it_is_configured_by_the_vendors_own_variables() -> None:
    assert not PROVIDER.open({}).configured
    assert PROVIDER.open({"OPENAI_API_KEY": "sk-1"}).configured
