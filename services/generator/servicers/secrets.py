"""Takes what callers seal to the generator."""

from generator.secrets import Sealing
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit.server import Context


class SecretsServicer(rpc.SecretsServicer):
    """gesso.generator.v1.Secrets."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing

    async def GetSealingKey(self, request: pb.GetSealingKeyRequest, context: Context) -> pb.SealingKey:
        """Return the key that the edge seals to."""
        return self._sealing.public()
