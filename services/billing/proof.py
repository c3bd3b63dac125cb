"""The edge proves for whom it asks: a request that names an account is served only with a token of that account's caller.

So a compromised edge reads and changes nothing of accounts that do not call. Source: design.md "One request": the services take
the account from nothing but the caller token.
"""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

from billing.access import PROVING
from servicekit import calls
from servicekit.faults import Fault, Forbidden
from servicekit.identity import CALLER_TOKEN_KEY
from servicekit.server import Context
from servicekit.tokens import open_token

_ACCOUNT = "account_id"


class Proven:
    """A servicer behind the check: each of its methods whose request names an account asks for proof first."""

    def __init__(self, servicer: object, service: ServiceDescriptor, key: bytes) -> None:
        """`key` is that of the caller tokens."""
        self._servicer = servicer
        self._service = service
        self._key = key

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._servicer, name)
        described = self._service.methods_by_name.get(name)
        if described is None or _ACCOUNT not in described.input_type.fields_by_name:
            return method
        return self._proving(method)

    def _proving(self, serve: Callable[[Any, Context], Awaitable[Any]]) -> Callable[[Any, Context], Awaitable[Any]]:
        async def proven(request: Any, context: Context) -> Any:
            call = calls.current()
            if call is None or call.peer in PROVING:
                self._check(request.account_id, context)
            return await serve(request, context)

        return proven

    def _check(self, account_id: str, context: Context) -> None:
        sent = dict(context.invocation_metadata() or ()).get(CALLER_TOKEN_KEY, "")
        try:
            claims = open_token(base64.b64decode(sent, validate=True), self._key)
        except (ValueError, Fault) as error:
            raise Forbidden("The call does not prove who its caller is.") from error
        if claims.account_id != account_id:
            raise Forbidden("The call names another account than its caller's.")
