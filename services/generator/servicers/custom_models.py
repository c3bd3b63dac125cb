"""Accounts' own models are registered, listed and forgotten."""

import hashlib

from asyncpg import Connection

from generator import custom_models as rules
from generator.catalogue import Catalogue
from generator.store import creations, custom_models
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
        async with self._database.transaction() as connection:
            if request.request_id and (earlier := await _earlier(connection, request.request_id, model)) is not None:
                return earlier
            rules.check(model, self._catalogue)
            standing = await _standing(connection, account_id, model)
            if request.request_id:
                await creations.answered(connection, request.request_id, standing.SerializeToString())
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


async def _earlier(connection: Connection, request_id: str, model: pb.CustomModel) -> pb.CustomModel | None:
    """What the same request made. Raises Fault IDEMPOTENCY_MISMATCH where it came with another model."""
    fingerprint = hashlib.sha256(model.SerializeToString(deterministic=True)).digest()
    first = await creations.first(connection, request_id, fingerprint)
    if first is None:
        return None
    earlier = pb.CustomModel.FromString(first)
    earlier.replayed = True
    return earlier


async def _standing(connection: Connection, account_id: str, model: pb.CustomModel) -> pb.CustomModel:
    """The model as it is registered now. Raises Conflict where another has its name, or there are too many."""
    created = await custom_models.insert(connection, account_id, model, most=rules.MOST_PER_ACCOUNT)
    if created is not None:
        return created
    standing = (await custom_models.named(connection, account_id, [model.name])).get(model.name)
    if standing is None:
        raise Conflict(_KIND, model.name, "full", f"An account has at most {rules.MOST_PER_ACCOUNT} models of its own.")
    if not _same(standing, model):
        raise Conflict(_KIND, model.name, "registered", f"There is another model {model.name!r} already.")
    return standing


def _same(standing: pb.CustomModel, model: pb.CustomModel) -> bool:
    first, second = pb.CustomModel(), pb.CustomModel()
    first.CopyFrom(standing)
    second.CopyFrom(model)
    first.ClearField("created_at")
    second.ClearField("created_at")
    return first == second
