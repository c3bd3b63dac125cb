"""The OpenAI provider before a scripted vendor: what it asks for, what it reads, and its verdict on every failure."""

import json
from dataclasses import replace

import pytest

from generator.providers.allowance import Allowance
from generator.providers.base import Bought, Drawn, Pixels, UpstreamFault
from generator.providers.openai import PROVIDER, OpenAIProvider
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.sample_pictures import sample
from testkit.upstreams.base import Behaviour
from testkit.upstreams.forms import parse_form
from testkit.upstreams.openai import OpenAIUpstream

from .conformance import PAID_AND_FAILED, Conformance, Vendor
from .conftest import CountedMemory, OrderMaker


class TestConformance(Conformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=OpenAIUpstream,
        variables=("OPENAI_API_KEY", "OPENAI_BASE_URL"),
        upstream_model="gpt-image-2.5-flare",
        key="sk-platform-0123456789",
        own_key="sk-own-0123456789",
        most=10,
        ignored={"negative_prompt": "blur", "style": "vivid", "seed": 7, "steps": 20, "guidance": 3.0},
        verdicts={"bad_base64": PAID_AND_FAILED},
        without=frozenset({"output_refusal"}),
    )


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


class Shown(list[Pixels]):
    """Unfinished pictures, as they were shown."""

    async def show(self, pixels: Pixels) -> None:
        self.append(pixels)


@pytest.mark.parametrize("operation", [pb.OPERATION_TEXT_TO_IMAGE, pb.OPERATION_IMAGE_TO_IMAGE])
async def test_a_stream_shows_unfinished_pictures_before_it_brings_the_finished_one(
    openai: OpenAIProvider,
    upstream: OpenAIUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    operation: pb.Operation.ValueType,
) -> None:
    shown, inputs = Shown(), [sample("png", 64, 64).stamped(1)] if operation != pb.OPERATION_TEXT_TO_IMAGE else []
    drawn = await openai.submit(
        order(operation=operation, inputs=inputs, partial_images=2, on_partial=shown.show, output_format="webp"), memory
    )
    assert isinstance(drawn, Drawn)
    assert [inspect(pixels.data).format for pixels in (*shown, *drawn.pictures)] == ["webp"] * 3
    assert len({bytes(pixels.data) for pixels in (*shown, *drawn.pictures)}) == 3
    assert json.loads(drawn.usage_json)["total_tokens"] > 0
    assert drawn.echoed == {"size": "1024x1024", "quality": "medium", "background": "opaque", "output_format": "webp"}
    body = upstream.requests[-1].body
    assert b'"stream":true' in body or b'name="stream"\r\n\r\ntrue' in body
    assert sum(memory.reserved) >= sum(len(pixels.data) for pixels in shown)


async def test_without_somebody_who_looks_nothing_is_streamed(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    await openai.submit(order(partial_images=2), memory)
    assert not asked(upstream).keys() & {"stream", "partial_images"}


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("output_refusal", reasons.REASON_UPSTREAM_REFUSED),
        ("empty", reasons.REASON_UPSTREAM_FAILED),
        ("garbage", reasons.REASON_UPSTREAM_FAILED),
        ("bad_base64", reasons.REASON_UPSTREAM_FAILED),
    ],
)
async def test_a_stream_that_brings_no_picture_was_paid_for(
    openai: OpenAIProvider,
    order: OrderMaker,
    memory: CountedMemory,
    behaviour: str,
    reason: reasons.Reason.ValueType,
) -> None:
    shown = Shown()
    with pytest.raises(UpstreamFault) as caught:
        await openai.submit(order(prompt=f"a fox [[{behaviour}]]", partial_images=1, on_partial=shown.show), memory)
    assert (caught.value.reason, caught.value.bought) == (reason, Bought.YES)


async def test_a_refusal_before_the_stream_is_not_bought(
    openai: OpenAIProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    with pytest.raises(UpstreamFault) as caught:
        await openai.submit(order(prompt="a fox [[refusal]]", partial_images=1, on_partial=Shown().show), memory)
    assert (caught.value.reason, caught.value.bought) == (reasons.REASON_UPSTREAM_REFUSED, Bought.NO)


@pytest.mark.parametrize(
    ("model", "fidelity", "sent"),
    [
        ("gpt-image-1.5", "high", True),
        ("gpt-image-1.5", "low", True),
        ("chatgpt-image-latest", "high", True),
        ("gpt-image-1-mini", "low", True),
        ("gpt-image-1-mini", "high", False),
        ("gpt-image-2", "high", False),
        ("gpt-image-2.5-flare", "high", False),
    ],
)
async def test_input_fidelity_is_sent_to_models_that_know_it(
    openai: OpenAIProvider,
    upstream: OpenAIUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    fidelity: str,
    sent: bool,
) -> None:
    wanted = order(
        operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[sample("png", 64, 64).stamped(1)], upstream_model=model
    )
    wanted.draw.options["input_fidelity"] = fidelity
    drawn = await openai.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    assert (b"input_fidelity" in upstream.requests[-1].body) is sent
    assert any("input_fidelity" in warning for warning in drawn.warnings) is not sent


async def test_what_an_answer_says_of_the_rate_is_passed_on(
    openai: OpenAIProvider, upstream: OpenAIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    told: list[Allowance] = []
    wanted = replace(order(), on_allowance=told.append)
    await openai.submit(wanted, memory)
    upstream.script.append(Behaviour("rate_limited", seconds=3))
    with pytest.raises(UpstreamFault):
        await openai.submit(wanted, memory)
    assert [(one.left, one.limit) for one in told] == [(99, 100), (0, 100)]
