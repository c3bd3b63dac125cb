"""Shows the catalogue."""

from generator.catalogue import Catalogue
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit.server import Context


class ModelsServicer(rpc.ModelsServicer):
    """gesso.generator.v1.Models."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def ListModels(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        """List every public model."""
        return pb.ListModelsResponse(models=self._catalogue.models())

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.Model:
        """Return one public model."""
        return self._catalogue.model(request.model)
