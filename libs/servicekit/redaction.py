"""What is written to a log bears no secret: rendered lines pass through `redact` last, whatever put a secret into them."""

import re

_HIDDEN = rb"[redacted]"

# Field names whose whole value is a secret, as JSON writes them.
_FIELDS = rb"authorization|x-api-key|api_key|apikey|openai_api_key|password|secret|client_secret|token|access_token|refresh_token|cookie|set-cookie"  # noqa: E501
# Parameters of a URL that grant something to whoever reads them.
_PARAMETERS = rb"[\w.-]*(?:sig|signature|token|secret|password|credential|api[_-]?key|^key|code)[\w.-]*"
_SECRET = re.compile(
    rb"(?P<field>\"(?:" + _FIELDS + rb")\":\s*\")(?:[^\"\\]|\\.)+"
    rb"|(?P<scheme>\b(?:bearer\s+|authorization:\s*\w+\s+))[^\s\"\\,;]{6,}"
    rb"|(?P<key>\b(?:sk|rk|r8)[-_]|\b(?:whsec_|key-|AIza))[\w.+/=-]{12,}"
    rb"|(?P<ours>\b(?:big_live_|gesso_))(?:[a-z0-9]*_)*[a-z0-9]{12,}"
    rb"|(?P<parameter>[?&](?:" + _PARAMETERS + rb")=)[^&\s\"\\#]+"
    rb"|(?P<user>://)[^/\s\"\\@]+@",
    re.IGNORECASE,
)
# Every secret that the pattern finds contains one of these, in lower case; a line without them is done in a microsecond.
_SIGNS = (
    *(b"sk-", b"sk_", b"rk-", b"rk_", b"r8_", b"r8-", b"big_live_", b"gesso_", b"whsec_", b"key-", b"aiza"),
    *(b"bearer ", b"authorization:", b"@", b"?", b"&"),
    *(b'authorization"', b'key"', b'secret"', b'token"', b'password"', b'cookie"'),
)


def redact(line: bytes) -> bytes:
    """Return ``line`` (UTF-8, JSON or plain) with vendors' and our keys, credentials and signed parameters struck out.

    What tells the kind of a secret stays: its prefix, its field or its parameter.
    """
    lowered = line.lower()
    if not any(sign in lowered for sign in _SIGNS):
        return line
    return _SECRET.sub(_struck, line)


def _struck(match: "re.Match[bytes]") -> bytes:
    kept: bytes = match[match.lastgroup] if match.lastgroup else b""
    return kept + _HIDDEN + (b"@" if match.lastgroup == "user" else b"")
