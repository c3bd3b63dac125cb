"""Before a purchase has a price its own models are looked up and its prompts judged; what was found stays on its draws."""

from collections.abc import Sequence

from generator import custom_models
from generator.catalogue import Catalogue
from generator.public_models import OWN_MODEL_PREFIX
from generator.safety import Safety
from generator.store import custom_models as stored_models
from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database
from servicekit.faults import Fault


class Screening:
    """Screens purchases; one without a model of the account's own costs no statement."""

    def __init__(self, database: Database, catalogue: Catalogue, safety: Safety) -> None:
        self._database = database
        self._catalogue = catalogue
        self._safety = safety

    async def screen(self, claims: CallerClaims, purchase: pb.Purchase) -> None:
        """Write `custom_model` and `flags` of every draw, whatever the edge sent there.

        Raises Fault UNKNOWN_MODEL, CONTENT_REFUSED with `draw`, Unavailable.
        """
        await self._resolve(claims.account_id, purchase.draws)
        for index, draw in enumerate(purchase.draws):
            try:
                draw.flags[:] = self._safety.check(_words(draw), claims)
            except Fault as fault:
                fault.details["draw"] = str(index)
                raise

    async def _resolve(self, account_id: str, draws: Sequence[pb.Draw]) -> None:
        own = {draw.model for draw in draws if self._is_own(draw.model)}
        found = await stored_models.named(self._database, account_id, own) if own else {}
        for index, draw in enumerate(draws):
            draw.ClearField("custom_model")
            if draw.model in found:
                draw.custom_model.CopyFrom(found[draw.model])
            elif draw.model in own:
                fault = self._catalogue.unknown(draw.model)
                fault.details["draw"] = str(index)
                raise fault

    def _is_own(self, name: str) -> bool:
        return name.startswith(OWN_MODEL_PREFIX) and not self._catalogue.has(name)


def _words(draw: pb.Draw) -> str:
    """What the upstream is to read of a draw; what a negative prompt names is to be left out."""
    if not draw.style and not draw.HasField("custom_model"):
        return draw.prompt
    return f"{custom_models.prompt(draw)}, {draw.style}"
