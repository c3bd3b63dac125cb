"""Signing secrets: one for each account, made when first needed, sealed at rest by AES-256-GCM."""

import datetime
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from webhooks.signing import new_secret
from webhooks.store import Store

_NONCE_BYTES = 12
_FIRST = "first"


class SigningSecrets:
    """Opens, makes and rotates the secrets of accounts."""

    def __init__(self, store: Store, key: bytes) -> None:
        self._store = store
        self._cipher = AESGCM(key)

    async def current(self, account_id: str) -> tuple[str, datetime.datetime]:
        """The secret that receivers should know, and since when."""
        sealed, created_at = (await self._sealed(account_id))[0]
        return self._open(account_id, sealed), created_at

    async def signing(self, account_id: str) -> list[str]:
        """All secrets that sign now: the current one, and the one before it during an overlap."""
        return [self._open(account_id, sealed) for sealed, _ in await self._sealed(account_id)]

    async def rotate(self, account_id: str, *, request_id: str, overlap_seconds: int) -> tuple[str, datetime.datetime]:
        """Make a new secret, once per request id; the old one signs on for the overlap."""
        await self._sealed(account_id)
        await self._add(account_id, request_id, datetime.timedelta(seconds=overlap_seconds))
        return await self.current(account_id)

    async def _sealed(self, account_id: str) -> list[tuple[bytes, datetime.datetime]]:
        found = await self._store.secrets(account_id)
        if not found:
            await self._add(account_id, _FIRST, datetime.timedelta())
            found = await self._store.secrets(account_id)
        return found

    async def _add(self, account_id: str, request_id: str, overlap: datetime.timedelta) -> None:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, new_secret().encode(), account_id.encode())
        await self._store.add_secret(account_id, sealed, request_id=request_id, overlap=overlap)

    def _open(self, account_id: str, sealed: bytes) -> str:
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], account_id.encode()).decode()
