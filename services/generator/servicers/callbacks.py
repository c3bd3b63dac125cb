"""Hears vendors' calls, which the edge hands on as they came."""

from generator.callbacks import Callbacks
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit.server import Context


class CallbacksServicer(rpc.CallbacksServicer):
    """gesso.generator.v1.Callbacks."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks

    async def Deliver(self, request: pb.DeliverRequest, context: Context) -> pb.DeliverResponse:
        """Have the order that a genuine call is of looked at."""
        await self._callbacks.deliver(request.provider, request.token, dict(request.headers), request.body)
        return pb.DeliverResponse()
