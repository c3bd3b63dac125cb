"""Accounts' own models are registered, listed and forgotten."""

from generator import custom_models as rules
from generator.catalogue import Catalogue
from generator.store import custom_models
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit import calls
from servicekit.database import Database
from servicekit.faults import Conflict, NotFound
from servicekit.server import Context
from servicekit.tokens import open_token

_KIND = "custom model"


class CustomModelsServicer(rpc.CustomModelsServicer):
    """gesso.generator.v1.CustomModels."""

    def __init__(self, database: Database, catalogue: Catalogue, *, caller_token_key: bytes) -> None:
        self._database = database
        self._catalogue = catalogue
        self._caller_token_key = caller_token_key

    async def CreateCustomModel(self, request: pb.CreateCustomModelRequest, context: Context) -> pb.CustomModel:
        """Register a model; the same again answers with the first."""
        account_id, model = self._account(request.caller_token), request.model
        rules.check(model, self._catalogue)
        created = await custom_models.insert(self._database, account_id, model, most=rules.MOST_PER_ACCOUNT)
        if created is not None:
            return created
        standing = (await custom_models.named(self._database, account_id, [model.name])).get(model.name)
        if standing is None:
            raise Conflict(
                _KIND, model.name, "full", f"An account has at most {rules.MOST_PER_ACCOUNT} models of its own."
            )
        if not _same(standing, model):
            raise Conflict(_KIND, model.name, "registered", f"There is another model {model.name!r} already.")
        return standing

    async def ListCustomModels(
        self, request: pb.ListCustomModelsRequest, context: Context
    ) -> pb.ListCustomModelsResponse:
        """List the account's models, oldest first."""
        return pb.ListCustomModelsResponse(
            models=await custom_models.of_account(self._database, self._account(request.caller_token))
        )

    async def DeleteCustomModel(self, request: pb.DeleteCustomModelRequest, context: Context) -> pb.CustomModel:
        """Forget a model; what has been bought with it is drawn all the same."""
        gone = await custom_models.delete(self._database, self._account(request.caller_token), request.name)
        if gone is None:
            raise NotFound(_KIND, request.name)
        return gone

    def _account(self, caller_token: bytes) -> str:
        account_id = open_token(caller_token, self._caller_token_key).account_id
        calls.note("account", account_id)
        return account_id


def _same(standing: pb.CustomModel, model: pb.CustomModel) -> bool:
    first, second = pb.CustomModel(), pb.CustomModel()
    first.CopyFrom(standing)
    second.CopyFrom(model)
    first.ClearField("created_at")
    second.ClearField("created_at")
    return first == second
