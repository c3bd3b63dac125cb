"""Requests are counted against their windows, all that wait at once by one statement, and each is told where it stands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from billing import windows
from billing.checks import text
from billing.operations.policies import Policies, Policy
from billing.plans import Plans
from billing.store import wallets
from billing.store import windows as store
from billing.windows import Taking, WindowState
from servicekit import tokens
from servicekit.coalescer import Coalescer
from servicekit.database import Database
from servicekit.faults import Fault, InvalidField, NotFound

_REQUESTS_PER_FLUSH = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to count: of a caller by their token, or of a client address where that is given.

    Of an address the token is of the caller whose account's own figures go before the address's; it may be missing.
    """

    dialect: str
    caller_token: bytes = b""
    address: str = ""
    is_call: bool = False


Taken = tuple[WindowState, ...] | Fault


class Limits:
    """Takes requests from their windows; `refused` is told the dialect of each that found one used up."""

    def __init__(
        self,
        database: Database,
        plans: Plans,
        policies: Policies,
        caller_token_key: bytes,
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._plans = plans
        self._policies = policies
        self._key = caller_token_key
        self._batches = Coalescer[Sequence[Asked], list[Taken]](self._flush, max_items=_REQUESTS_PER_FLUSH)
        self._refused = refused

    async def take(self, asked: Sequence[Asked]) -> list[Taken]:
        """Count each request and return its windows; a request is refused where one of them says so. Raises Unavailable."""
        return await self._batches.submit(asked) if asked else []

    async def calls(
        self, account_id: str, dialect: str, since: int | None, until: int | None
    ) -> Sequence[tuple[int, int]]:
        """Return (start, calls) of an account's hours that began in since <= start < until, in Unix seconds; None for any.

        Raises InvalidField for an unknown dialect, NotFound, Unavailable.
        """
        if dialect not in self._plans.dialects:
            raise _unknown(dialect)
        async with self._database.connection() as connection:
            await wallets.balance(connection, account_id)
            return await store.calls_by_hour(connection, account_id, dialect, since, until)

    async def _flush(self, batches: list[Sequence[Asked]]) -> list[list[Taken]]:
        takings = await self._takings([item for batch in batches for item in batch])
        counting = [taking for taking in takings if isinstance(taking, Taking)]
        tally, calls = windows.tally(counting), windows.calls(counting)
        counts = await store.count(self._database, tally, calls) if tally or calls else {}
        handed = windows.hand_out(counting, counts)
        for taking, states in zip(counting, handed, strict=True):
            if any(state.refuses for state in states):
                self._refused(taking.dialect)
        counted = iter(handed)
        taken = iter([taking if isinstance(taking, Fault) else next(counted) for taking in takings])
        return [[next(taken) for _ in batch] for batch in batches]

    async def _takings(self, asked: Sequence[Asked]) -> list[Taking | Fault]:
        accounts = [self._account(item) for item in asked]
        policies = await self._policies.of({account for account in accounts if isinstance(account, str) and account})
        return [
            account if isinstance(account, Fault) else self._taking(item, account, policies)
            for item, account in zip(asked, accounts, strict=True)
        ]

    def _account(self, item: Asked) -> str | Fault:
        """Return whose request it is, or whose figures count; nothing for a client address whose caller is not known for sure."""
        if item.address and not item.caller_token:
            return ""
        try:
            return tokens.open_token(item.caller_token, self._key).account_id
        except Fault as fault:
            return "" if item.address else fault

    def _taking(self, item: Asked, account_id: str, policies: Mapping[str, Policy]) -> Taking | Fault:
        if item.address:
            _, overrides = policies.get(account_id, ("", {}))
            return self._taking_of_address(item, overrides)
        if account_id not in policies:
            return NotFound("account", account_id)
        if item.dialect not in self._plans.dialects:
            return _unknown(item.dialect)
        limits = self._plans.limits_of(*policies[account_id], item.dialect)
        return Taking(account_id, item.dialect, limits, item.is_call)

    def _taking_of_address(self, item: Asked, overrides: Mapping[str, int]) -> Taking | Fault:
        try:
            name, limits = self._plans.limits_of_address(item.dialect, overrides)
            return Taking(f"address:{text('address', item.address, longest=64)}", name, limits)
        except InvalidField as fault:
            return fault


def _unknown(dialect: str) -> InvalidField:
    return InvalidField("dialect", f"No dialect is named {dialect!r}.")
