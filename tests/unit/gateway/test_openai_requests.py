"""An OpenAI request becomes a purchase."""

import pytest

from gateway.dialects.openai.requests import Facts, GenerationRequest, facts_of, purchase
from gesso.generator.v1.generator_pb2 import OPERATION_TEXT_TO_IMAGE, Draw, Purchase
from servicekit.faults import InvalidField


def _purchase(**fields: object) -> Purchase:
    return purchase(GenerationRequest(**{"prompt": "a fox", **fields}), default_model="default")  # type: ignore[arg-type]


def test_what_is_absent_is_the_models_own_default() -> None:
    (draw,) = _purchase().draws
    assert draw == Draw(operation=OPERATION_TEXT_TO_IMAGE, model="default", prompt="a fox", n=1)


def test_every_field_reaches_the_draw() -> None:
    (draw,) = _purchase(
        model="m",
        n=3,
        size="1536x1024",
        quality="high",
        style="natural",
        background="opaque",
        moderation="low",
        output_format="webp",
        output_compression=80,
        user="u",
    ).draws
    assert draw == Draw(
        operation=OPERATION_TEXT_TO_IMAGE,
        model="m",
        prompt="a fox",
        n=3,
        width=1536,
        height=1024,
        quality="high",
        style="natural",
        background="opaque",
        output_format="webp",
        output_quality=80,
        options={"moderation": "low", "safety_identifier": "u"},
    )


@pytest.mark.parametrize(
    ("model", "asked", "answered"),
    [
        ("gpt-image-1", None, "b64_json"),
        ("gpt-image-2.5-flare", None, "b64_json"),
        ("chatgpt-image-latest", None, "b64_json"),
        ("dall-e-2", None, "url"),
        ("dall-e-3", None, "url"),
        ("flux-pro", None, "url"),
        ("gpt-image-1", "url", "url"),
        ("dall-e-3", "b64_json", "b64_json"),
    ],
)
def test_the_form_of_the_answer(model: str, asked: str | None, answered: str) -> None:
    assert facts_of(_purchase(model=model, response_format=asked).facts) == Facts(answered)  # type: ignore[arg-type]


def test_auto_is_not_echoed_before_it_is_decided() -> None:
    bought = _purchase(quality="auto", background="auto", size="auto")
    assert facts_of(bought.facts) == Facts("url")
    assert (bought.draws[0].quality, bought.draws[0].width) == ("auto", 0)


@pytest.mark.parametrize(("model", "longest"), [("dall-e-2", 1_000), ("dall-e-3", 4_000), ("gpt-image-1", 32_000)])
def test_the_longest_prompt_is_the_models(model: str, longest: int) -> None:
    assert len(_purchase(model=model, prompt="x" * longest).draws[0].prompt) == longest
    if longest < 32_000:  # beyond that the type of the field refuses
        with pytest.raises(InvalidField):
            _purchase(model=model, prompt="x" * (longest + 1))


def test_the_strongest_compression_is_not_the_default() -> None:
    assert _purchase(output_format="jpeg", output_compression=0).draws[0].output_quality == 1
