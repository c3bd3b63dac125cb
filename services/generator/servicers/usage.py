"""Counts what an account's jobs did."""

from collections.abc import Mapping
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from generator.store import usage
from generator.store.usage import Sums
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit import calls
from servicekit.database import Database
from servicekit.faults import InvalidField
from servicekit.server import Context
from servicekit.timestamps import to_datetime, to_timestamp
from servicekit.tokens import open_token

_STEPS: Mapping[int, str] = {
    pb.GetUsageRequest.STEP_UNSPECIFIED: "",
    pb.GetUsageRequest.STEP_HOUR: "hour",
    pb.GetUsageRequest.STEP_DAY: "day",
}


class UsageServicer(rpc.UsageServicer):
    """gesso.generator.v1.Usage."""

    def __init__(self, database: Database, *, caller_token_key: bytes) -> None:
        self._database = database
        self._caller_token_key = caller_token_key

    async def GetUsage(self, request: pb.GetUsageRequest, context: Context) -> pb.GetUsageResponse:
        """Sum an account's jobs in all, by time and by public model."""
        claims = open_token(request.caller_token, self._caller_token_key)
        calls.note("account", claims.account_id)
        if request.step not in _STEPS:
            raise InvalidField("step", "The step is an hour or a day.")
        found = await usage.usage(
            self._database,
            claims.account_id,
            dialect=request.dialect,
            since=_moment("since", request.since) if request.HasField("since") else None,
            until=_moment("until", request.until) if request.HasField("until") else None,
            step=_STEPS[request.step],
        )
        return pb.GetUsageResponse(
            total=_sums(found.total),
            buckets=[
                pb.GetUsageResponse.Bucket(start=to_timestamp(start), sums=_sums(sums)) for start, sums in found.buckets
            ],
            models=[pb.GetUsageResponse.ModelSums(model=model, sums=_sums(sums)) for model, sums in found.models],
        )


def _moment(field: str, message: Timestamp) -> datetime:
    try:
        return to_datetime(message)
    except OverflowError as error:
        raise InvalidField(field, f"{field} is no time of our calendar.") from error


def _sums(sums: Sums) -> pb.Sums:
    return pb.Sums(
        jobs=sums.jobs,
        tasks=sums.tasks,
        succeeded_tasks=sums.succeeded_tasks,
        failed_tasks=sums.failed_tasks,
        images=sums.images,
        charge_micros=sums.charge_micros,
    )
