"""The demo account: plan pro, 50 USD, one known key; made at the first start, found at every later one.

A program of its own (`python -m cli.demo`), so that the supervisor which runs it loads no gRPC. Source: contract.md "Running it".
"""

import hashlib
import json
import os
import secrets

from cli.operator import operator
from cli.places import DEMO_KEY_FILE, Place
from gesso.billing.v1 import billing_pb2 as pb

_PLAN = "pro"
_GRANT_MICROS = 50_000_000


def main() -> None:
    """Make sure of the account and its key; prints both as JSON."""
    place = Place.here()
    services = operator(place)
    account = services.call(
        "gesso.billing.v1.Accounts/CreateAccount",
        pb.CreateAccountRequest(request_id="demo", name="Demo", plan=_PLAN, grant_micros=_GRANT_MICROS),
        pb.Account,
    )
    key = place.environ.get("GESSO_DEMO_KEY") or _kept_key(place)
    request_id = f"demo-{hashlib.sha256(key.encode()).hexdigest()}"
    services.call(
        "gesso.billing.v1.ApiKeys/CreateApiKey",
        pb.CreateApiKeyRequest(request_id=request_id, account_id=account.id, name="demo", secret=key),
        pb.ApiKey,
    )
    print(json.dumps({"account_id": account.id, "api_key": key}))


def _kept_key(place: Place) -> str:
    """The key of earlier starts, else a new one, readable by us alone."""
    file = place.home / DEMO_KEY_FILE
    if file.exists():
        return file.read_text().strip()
    key = f"gesso_demo_{secrets.token_hex(16)}"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(key)
    return key


if __name__ == "__main__":
    main()
