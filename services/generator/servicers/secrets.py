"""Takes what callers seal to the generator, and keeps their own provider keys."""

from generator.own_keys import OwnKeys, shown
from generator.secrets import Sealing
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit import calls
from servicekit.server import Context
from servicekit.tokens import open_token


class SecretsServicer(rpc.SecretsServicer):
    """gesso.generator.v1.Secrets."""

    def __init__(self, sealing: Sealing, own_keys: OwnKeys, *, caller_token_key: bytes) -> None:
        self._sealing = sealing
        self._own_keys = own_keys
        self._caller_token_key = caller_token_key

    async def GetSealingKey(self, request: pb.GetSealingKeyRequest, context: Context) -> pb.SealingKey:
        """Return the key that the edge seals to."""
        return self._sealing.public()

    async def PutProviderKey(self, request: pb.PutProviderKeyRequest, context: Context) -> pb.ProviderKey:
        """Keep the account's key for a provider; the same request again has the first's answer."""
        account_id = self._account(request.caller_token)
        secret = self._sealing.open(request.sealed_secret)
        return await self._own_keys.put(account_id, request.provider, secret, request_id=request.request_id)

    async def ListProviderKeys(
        self, request: pb.ListProviderKeysRequest, context: Context
    ) -> pb.ListProviderKeysResponse:
        """List the account's keys by provider."""
        stored = await self._own_keys.stored(self._account(request.caller_token))
        return pb.ListProviderKeysResponse(keys=[shown(stored[provider]) for provider in sorted(stored)])

    async def DeleteProviderKey(self, request: pb.DeleteProviderKeyRequest, context: Context) -> pb.ProviderKey:
        """Forget the account's key for a provider."""
        return shown(await self._own_keys.delete(self._account(request.caller_token), request.provider))

    def _account(self, caller_token: bytes) -> str:
        account_id = open_token(caller_token, self._caller_token_key).account_id
        calls.note("account", account_id)
        return account_id
