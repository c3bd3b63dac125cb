"""Shows the catalogue, with what its models' orders have taken."""

from generator.catalogue import Catalogue
from generator.measurements import Measurements
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit.server import Context


class ModelsServicer(rpc.ModelsServicer):
    """gesso.generator.v1.Models."""

    def __init__(self, catalogue: Catalogue, measurements: Measurements) -> None:
        self._catalogue = catalogue
        self._measurements = measurements

    async def ListModels(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        """List every public model."""
        return pb.ListModelsResponse(models=[self._measured(model) for model in self._catalogue.models()])

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.Model:
        """Return one public model."""
        return self._measured(self._catalogue.model(request.model))

    def _measured(self, model: pb.Model) -> pb.Model:
        shown = pb.Model()
        shown.CopyFrom(model)
        shown.performance.CopyFrom(self._measurements.performance(model.id))
        return shown
