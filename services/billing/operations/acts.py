"""An act is who does what now; a fingerprint tells whether a repeated request asks for the same."""

import datetime
import hashlib
import json

from billing.checks import text
from billing.store.audit import Act
from servicekit import calls

ITSELF = "billing"


def act(request_id: str = "") -> Act:
    """Return the act of the call that is being served, or of billing itself in background work."""
    call = calls.current()
    now = datetime.datetime.now(datetime.UTC)
    if call is None:
        return Act(ITSELF, request_id, now)
    return Act(call.peer or ITSELF, call.request_id or request_id, now)


def fingerprint(request_id: str, *contents: object) -> bytes:
    """Return a digest of what a Create asks for. Raises InvalidField for a request_id of no or too many characters."""
    text("request_id", request_id, longest=200)
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).digest()
