"""An order's fingerprint tells one content from another, and nothing of a secret."""

import hashlib

import pytest

from gateway.orders import Input, Order, Secret, Upload, fingerprint
from gesso.generator.v1.generator_pb2 import Draw, Purchase


def _order(prompt: str = "a fox", *inputs: Input, secrets: tuple[Secret, ...] = ()) -> Order:
    return Order(Purchase(draws=[Draw(prompt=prompt)]), inputs, secrets=secrets)


def test_the_same_content_has_the_same_fingerprint_and_other_content_another() -> None:
    assert fingerprint(_order()) == fingerprint(_order())
    assert fingerprint(_order()) != fingerprint(_order("a hare"))


def test_a_secret_is_not_in_it() -> None:
    assert fingerprint(_order(secrets=(Secret(0, "openai", "sk-1"),))) == fingerprint(_order())
    assert "sk-1" not in repr(Secret(0, "openai", "sk-1"))


@pytest.mark.parametrize(
    "other",
    [
        Input("image[1]", "https://example.com/a.png"),
        Input("image[0]", "https://example.com/b.png"),
        Input("image[0]", Upload(b"https://example.com/b.png")),
    ],
)
def test_an_input_is_in_it_by_its_field_and_its_origin(other: Input) -> None:
    first = Input("image[0]", "https://example.com/a.png")
    assert fingerprint(_order("a fox", first)) != fingerprint(_order("a fox", other))
    assert fingerprint(_order("a fox", first)) == fingerprint(_order("a fox", first))


def test_an_upload_counts_by_its_bytes_and_not_by_its_name() -> None:
    named = [Input("image", Upload(b"png", name)) for name in ("a.png", "b.png")]
    assert fingerprint(_order("a fox", named[0])) == fingerprint(_order("a fox", named[1]))
    assert len(fingerprint(_order())) == hashlib.sha256().digest_size
