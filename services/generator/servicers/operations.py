"""The operator's switches, and what an operator is told of the providers."""

from collections.abc import Mapping, Sequence

from generator.gate import Gate
from generator.keyring import Keyring
from generator.providers.base import Provider
from generator.rewrapping import rewrap_all
from generator.store import operations
from generator.store.operations import Maintenance
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit.database import Database
from servicekit.server import Context

_DEFAULT_RETRY_AFTER_SECONDS = 60


class OperationsServicer(rpc.OperationsServicer):
    """gesso.generator.v1.Operations."""

    def __init__(
        self,
        database: Database,
        gate: Gate,
        keyring: Keyring,
        providers: Mapping[str, Provider],
        missing_variables: Mapping[str, Sequence[str]],
    ) -> None:
        """`missing_variables` are by provider."""
        self._database = database
        self._gate = gate
        self._keyring = keyring
        self._providers = providers
        self._missing_variables = missing_variables

    async def SetMaintenance(self, request: pb.SetMaintenanceRequest, context: Context) -> pb.Maintenance:
        """Pause or resume purchases: this replica at once, every other one at its next pulse."""
        seconds = request.retry_after_seconds or _DEFAULT_RETRY_AFTER_SECONDS
        maintenance = Maintenance(request.paused, seconds)
        await operations.set_maintenance(self._database, maintenance)
        self._gate.maintain(maintenance)
        return pb.Maintenance(paused=request.paused, retry_after_seconds=seconds)

    async def GetMaintenance(self, request: pb.GetMaintenanceRequest, context: Context) -> pb.Maintenance:
        """Tell whether purchases are paused."""
        found = await operations.get_maintenance(self._database)
        return pb.Maintenance(paused=found.paused, retry_after_seconds=found.retry_after_seconds)

    async def RewrapProviderKeys(
        self, request: pb.RewrapProviderKeysRequest, context: Context
    ) -> pb.RewrapProviderKeysResponse:
        """Put every stored provider key under the current one of the operator's."""
        done = await rewrap_all(self._database, self._keyring)
        return pb.RewrapProviderKeysResponse(rewrapped=done.rewrapped, current=done.current)

    async def ListProviders(self, request: pb.ListProvidersRequest, context: Context) -> pb.ListProvidersResponse:
        """List what is installed, and what it lacks."""
        return pb.ListProvidersResponse(
            providers=[
                pb.ListProvidersResponse.InstalledProvider(
                    name=name,
                    configured=provider.configured,
                    missing_variables=self._missing_variables.get(name, ()),
                )
                for name, provider in sorted(self._providers.items())
            ]
        )
