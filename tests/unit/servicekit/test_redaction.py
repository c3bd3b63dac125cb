"""No secret that this platform handles gets through to a log line, and ordinary lines are left alone."""

import pytest

from servicekit.redaction import redact

RANDOM = "q7Zc0VtR3mXn5Lb8Kd2Hf6Gj1Ws4Pa9YeUiOoTrE"
SECRETS = [
    (f"key sk-{RANDOM} used", "key sk-[redacted] used"),
    (f"sk-proj-{RANDOM}", "sk-[redacted]"),
    (f'{{"key":"gesso_{RANDOM}"}}', '{"key":"gesso_[redacted]"}'),
    (f"gesso_live_{RANDOM}", "gesso_[redacted]"),
    (f"big_live_{RANDOM}.", "big_live_[redacted]."),
    (f"whsec_{RANDOM}+/=", "whsec_[redacted]"),
    (f"r8_{RANDOM}", "r8_[redacted]"),
    (f"AIza{RANDOM}", "AIza[redacted]"),
    (f'"Authorization: Bearer {RANDOM}"', '"Authorization: Bearer [redacted]"'),
    ("authorization: basic dXNlcjp3b3Jk", "authorization: basic [redacted]"),
    (r'{"authorization":"anything \" at all","a":1}', '{"authorization":"[redacted]","a":1}'),
    ('{"openai_api_key":"x","password": "y"}', '{"openai_api_key":"[redacted]","password": "[redacted]"}'),
    ("https://h/p?exp=1&sig=abc_-&w=2", "https://h/p?exp=1&sig=[redacted]&w=2"),
    (
        "https://b.s3/x?X-Amz-Credential=AK%2F1&X-Amz-Expires=60&X-Amz-Signature=0f0f",
        "https://b.s3/x?X-Amz-Credential=[redacted]&X-Amz-Expires=60&X-Amz-Signature=[redacted]",
    ),
    ("https://h/cb?code=abc&state=1#f", "https://h/cb?code=[redacted]&state=1#f"),
    ("postgresql://billing:word@127.0.0.1/gesso", "postgresql://[redacted]@127.0.0.1/gesso"),
]
ORDINARY = [
    '{"event":"call","method":"/gesso.billing.v1.Ledger/Admit","request_id":"req_01j9zk3v","account":"acc_01j9"}',
    '{"url":"http://127.0.0.1:8080/v1/images/generations?n=2&size=1024x1024"}',
    '{"metric":"gesso_provider_seconds_bucket","key":"gesso_abc...xyz"}',
    '{"mail":"someone@example.com","prompt":"a mask-like face, sky-high, key-value"}',
    '{"error":"basic auth is not taken"}',
]


@pytest.mark.parametrize(("line", "written"), SECRETS)
def test_a_secret_is_struck_out_and_what_it_was_is_kept(line: str, written: str) -> None:
    assert redact(line.encode()).decode() == written


@pytest.mark.parametrize("line", ORDINARY)
def test_an_ordinary_line_is_left_alone(line: str) -> None:
    assert redact(line.encode()).decode() == line
