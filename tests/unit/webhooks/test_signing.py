"""Signatures, with the reference library of Standard Webhooks as the oracle."""

import base64
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from webhooks.signing import headers, new_secret

BODY = b'{"id":"evt_1","event":"webhook.test","timestamp":"2026-11-20T00:00:00Z","data":{}}'


def test_the_reference_library_verifies_what_we_sign() -> None:
    secret = new_secret()
    Webhook(secret).verify(BODY, headers("evt_1", int(time.time()), BODY, [secret]))


def test_each_secret_of_a_rotation_verifies() -> None:
    old, new = new_secret(), new_secret()
    sent = headers("evt_1", int(time.time()), BODY, [new, old])
    for secret in (old, new):
        Webhook(secret).verify(BODY, sent)


def test_a_users_own_secret_signs_by_its_bytes() -> None:
    sent = headers("evt_1", int(time.time()), BODY, ["webhook_secret_key_123"])
    Webhook(base64.b64encode(b"webhook_secret_key_123").decode()).verify(BODY, sent)


def test_a_changed_body_does_not_verify() -> None:
    secret = new_secret()
    sent = headers("evt_1", int(time.time()), BODY, [secret])
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", sent)
