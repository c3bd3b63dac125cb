"""The demo account: plan pro, 50 USD, one known key; made at the first start, found at every later one.

A program of its own (`python -m cli.demo`), so that the supervisor which runs it loads no gRPC. Source: contract.md "Running it".
"""

import hashlib
import json
import os
import secrets
import sys

from cli.errors import CommandFailed
from cli.operator import operator
from cli.places import DEMO_KEY_FILE, Place
from gesso.billing.v1 import billing_pb2 as pb

_PLAN = "pro"
_GRANT_MICROS = 50_000_000


def main() -> None:
    """Make sure of the account and its key; prints both as JSON."""
    try:
        print(json.dumps(_demo(Place.here())))
    except CommandFailed as failure:
        sys.exit(f"gesso: GESSO_DEMO_KEY: {failure}" if "GESSO_DEMO_KEY" in os.environ else f"gesso: {failure}")


def _demo(place: Place) -> dict[str, str]:
    services = operator(place)
    account = services.call(
        "gesso.billing.v1.Accounts/CreateAccount",
        pb.CreateAccountRequest(request_id="demo", name="Demo", plan=_PLAN, grant_micros=_GRANT_MICROS),
        pb.Account,
    )
    key = place.environ.get("GESSO_DEMO_KEY") or _kept_key(place) or f"gesso_demo_{secrets.token_hex(16)}"
    request_id = f"demo-{hashlib.sha256(key.encode()).hexdigest()}"
    services.call(
        "gesso.billing.v1.ApiKeys/CreateApiKey",
        pb.CreateApiKeyRequest(request_id=request_id, account_id=account.id, name="demo", secret=key),
        pb.ApiKey,
    )
    _keep(place, key)
    return {"account_id": account.id, "api_key": key}


def _kept_key(place: Place) -> str:
    """The key of the last start; empty at the first."""
    file = place.home / DEMO_KEY_FILE
    return file.read_text().strip() if file.exists() else ""


def _keep(place: Place, key: str) -> None:
    """Note the key, readable by us alone, for the next start and for people's commands."""
    draft = place.home / f"{DEMO_KEY_FILE}.draft"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(key)
    draft.rename(place.home / DEMO_KEY_FILE)


if __name__ == "__main__":
    main()
