"""`accounts`, `credits` and `keys`: the operator's commands about who pays."""

import argparse
import hashlib
import re
import uuid

from cli.errors import CommandFailed
from cli.money import usd
from cli.operator import operator
from cli.output import Result
from cli.places import Place
from gesso.billing.v1 import billing_pb2 as pb
from servicekit.ids import is_id

_BILLING = "gesso.billing.v1"
_STATES = {
    "active": pb.ACCOUNT_STATE_ACTIVE,
    "suspended": pb.ACCOUNT_STATE_SUSPENDED,
    "closed": pb.ACCOUNT_STATE_CLOSED,
}
_CHANGES = ("plan", "state", "limit", "subscription", "email", "safety")
_DEFAULT = "default"
_IS_LIMIT = re.compile(rf"[^=]+=(\d+|{_DEFAULT})", re.ASCII)
_IS_POLICY = re.compile(rf"[^=]+=(block|flag|off|{_DEFAULT})")
_STATE_NAMES = {value: name for name, value in _STATES.items()}


def create(arguments: argparse.Namespace) -> Result:
    """Make an account with a first api key, which is shown this once."""
    services = operator(Place.here())
    request_id = arguments.request_id or f"cli-{uuid.uuid4()}"
    account = services.call(
        f"{_BILLING}.Accounts/CreateAccount",
        pb.CreateAccountRequest(
            request_id=request_id,
            name=arguments.name,
            plan=arguments.plan,
            grant_micros=arguments.balance_usd,
            email=arguments.email,
        ),
        pb.Account,
    )
    key = services.call(
        f"{_BILLING}.ApiKeys/CreateApiKey",
        pb.CreateApiKeyRequest(request_id=f"{request_id}-key", account_id=account.id, name="first"),
        pb.ApiKey,
    )
    return {"account_id": account.id, "api_key": key.secret}


def show(arguments: argparse.Namespace) -> Result:
    """Show an account with its balance."""
    request = pb.GetAccountRequest(account_id=arguments.account)
    return _shown(operator(Place.here()).call(f"{_BILLING}.Accounts/GetAccount", request, pb.Account))


def change(arguments: argparse.Namespace) -> Result:
    """Change plan, state, limits, subscription, e-mail or prompt policy."""
    given = {name: getattr(arguments, name) for name in _CHANGES}
    if all(value is None for value in given.values()):
        raise CommandFailed(f"Nothing to change: give {', '.join(f'--{name}' for name in _CHANGES)}.")
    request = pb.UpdateAccountRequest(
        account_id=arguments.account,
        plan=arguments.plan,
        state=_STATES.get(arguments.state or "", pb.ACCOUNT_STATE_UNSPECIFIED),
        subscription_active=arguments.subscription and arguments.subscription == "active",
        email=arguments.email,
    )
    for limit in arguments.limit or ():
        name, figure = _setting(limit, _IS_LIMIT, "--limit takes NAME=NUMBER (or =default)")
        if figure == _DEFAULT:
            request.remove_limits.append(name)
        else:
            request.set_limits[name] = int(figure)
    for policy in arguments.safety or ():
        group, mode = _setting(policy, _IS_POLICY, "--safety takes GROUP=block, =flag, =off or =default")
        request.set_safety[group] = "" if mode == _DEFAULT else mode
    return _shown(operator(Place.here()).call(f"{_BILLING}.Accounts/UpdateAccount", request, pb.Account))


def list_accounts(arguments: argparse.Namespace) -> Result:
    """List accounts."""
    services, token, rows = operator(Place.here()), "", []
    while True:
        request = pb.ListAccountsRequest(page_size=1000, page_token=token)
        page = services.call(f"{_BILLING}.Accounts/ListAccounts", request, pb.ListAccountsResponse)
        rows += [_shown(account) for account in page.accounts]
        token = page.next_page_token
        if not token:
            return rows


def grant(arguments: argparse.Namespace) -> Result:
    """Add money to an account."""
    request = pb.GrantCreditsRequest(
        request_id=arguments.request_id or f"cli-{uuid.uuid4()}",
        account_id=arguments.account,
        amount_micros=arguments.usd,
        cause=arguments.cause,
    )
    return _balance(operator(Place.here()).call(f"{_BILLING}.Ledger/GrantCredits", request, pb.Balance))


def create_key(arguments: argparse.Namespace) -> Result:
    """Make an api key, which is shown this once."""
    request = pb.CreateApiKeyRequest(
        request_id=arguments.request_id or f"cli-{uuid.uuid4()}", account_id=arguments.account, name=arguments.name
    )
    key = operator(Place.here()).call(f"{_BILLING}.ApiKeys/CreateApiKey", request, pb.ApiKey)
    return {"id": key.id, "account_id": key.account_id, "name": key.name, "api_key": key.secret}


def list_keys(arguments: argparse.Namespace) -> Result:
    """List an account's api keys, masked."""
    request = pb.ListApiKeysRequest(account_id=arguments.account)
    page = operator(Place.here()).call(f"{_BILLING}.ApiKeys/ListApiKeys", request, pb.ListApiKeysResponse)
    return [_key(key) for key in page.api_keys]


def revoke_key(arguments: argparse.Namespace) -> Result:
    """Revoke an api key, by its id or by itself; it stops working everywhere within 5 seconds."""
    name = arguments.key
    request = (
        pb.RevokeApiKeyRequest(api_key_id=name)
        if is_id("key", name)
        else pb.RevokeApiKeyRequest(key_digest=hashlib.sha256(name.encode()).digest())
    )
    return _key(operator(Place.here()).call(f"{_BILLING}.ApiKeys/RevokeApiKey", request, pb.ApiKey))


def _setting(text: str, form: re.Pattern[str], explanation: str) -> tuple[str, str]:
    """The two sides of `name=value`. Raises CommandFailed."""
    if not form.fullmatch(text):
        raise CommandFailed(f"{explanation}; not {text!r}.")
    name, _, value = text.partition("=")
    return name, value


def _shown(account: pb.Account) -> dict[str, object]:
    return {
        "account_id": account.id,
        "name": account.name,
        "plan": account.plan,
        "state": _STATE_NAMES.get(account.state, ""),
        "email": account.email,
        "subscription": "active" if account.subscription.active else "inactive",
        **_balance(account.balance),
        "storage_mb": account.storage_mb,
        "limits": dict(sorted(account.limits.items())),
        "safety": dict(sorted(account.safety.items())),
        "preferences": {field.name: value for field, value in account.preferences.ListFields()},
    }


def _balance(balance: pb.Balance) -> dict[str, object]:
    return {
        "balance_usd": usd(balance.posted_micros),
        "held_usd": usd(balance.held_micros),
        "available_usd": usd(balance.available_micros),
    }


def _key(key: pb.ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "key": key.masked,
        "state": "revoked" if key.HasField("revoked_at") else "active",
        "requests": key.request_count,
    }
