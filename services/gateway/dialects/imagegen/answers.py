"""A job in this API's words: a generation with its pictures, its cost, what was ignored, and why it failed.

Source: imagegen-v2.md, "Image Generation Endpoints"; contract.md, "imagegen", Generation and "Calls, jobs and retries".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from gateway.dialects.base import Addresses
from gateway.dialects.imagegen.facts import Facts, facts_of
from gateway.dialects.imagegen.faults import ErrorObject, error_object
from gateway.dialects.imagegen.fields import in_paths
from gateway.dialects.imagegen.figures import in_credits, moment
from gateway.dialects.imagegen.shapes import (
    Accepted,
    Analysis,
    ChangedGeneration,
    ChangedImage,
    Cost,
    DrawnGeneration,
    DrawnImage,
    DryRun,
    Generation,
    Image,
    InpaintedGeneration,
    InpaintedImage,
    Region,
    SourceImage,
    StatusWord,
)
from gateway.jobs import failure
from gateway.money import usd
from gateway.wire import PICTURE_HERE, Base64Of, Reply, json_reply
from gesso.generator.v1.generator_pb2 import (
    OPERATION_FILTER,
    OPERATION_IMAGE_TO_IMAGE,
    OPERATION_INPAINT,
    OPERATION_REMOVE_BACKGROUND,
    OPERATION_UPSCALE,
    Draw,
    Job,
    Operation,
    Picture,
    Quote,
)
from servicekit.ids import with_prefix

_POLL_SECONDS = "1"
_STATUS_WORDS: Mapping[Job.State.ValueType, StatusWord] = {
    Job.STATE_ADMITTING: "queued",
    Job.STATE_QUEUED: "queued",
    Job.STATE_RUNNING: "running",
    Job.STATE_SUCCEEDED: "completed",
    Job.STATE_PARTIAL: "completed",
    Job.STATE_FAILED: "failed",
    Job.STATE_REFUSED: "failed",
    Job.STATE_CANCELLED: "cancelled",
}
_PREFIXES: Mapping[Operation.ValueType, str] = {
    OPERATION_INPAINT: "inp",
    OPERATION_UPSCALE: "upscale",
    OPERATION_REMOVE_BACKGROUND: "bg_remove",
    OPERATION_FILTER: "proc",
}
_FORMATS = {"jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class _Form:
    """In which order an operation's fields stand."""

    generation: type[DrawnGeneration] | type[ChangedGeneration] | type[InpaintedGeneration]
    image: type[DrawnImage] | type[ChangedImage] | type[InpaintedImage]


_DRAWN = _Form(DrawnGeneration, DrawnImage)
_FORMS: Mapping[Operation.ValueType, _Form] = {
    OPERATION_IMAGE_TO_IMAGE: _Form(ChangedGeneration, ChangedImage),
    OPERATION_INPAINT: _Form(InpaintedGeneration, InpaintedImage),
}


def shown_id(job: Job) -> str:
    """The job's id as this API shows it: its ULID under the prefix of what it makes."""
    return with_prefix(_PREFIXES.get(job.tasks[0].draw.operation, "gen"), job.id)


def path(job: Job) -> str:
    """Where the job is polled."""
    return f"/api/v2/generations/{shown_id(job)}"


def status_word(job: Job) -> StatusWord:
    """How the job stands."""
    return _STATUS_WORDS.get(job.state, "running")


def accepted(job: Job, addresses: Addresses) -> Reply:
    """The answer to a call that does not wait, or waits no longer: the same when it is repeated later."""
    body = Accepted(
        id=shown_id(job),
        status="queued",
        created_at=moment(job.created_at),
        model=job.tasks[0].draw.model,
        status_url=addresses.edge(path(job)),
    )
    return json_reply(body, 202, headers={"Location": path(job), "Retry-After": _POLL_SECONDS})


def shown(job: Job, addresses: Addresses) -> Reply:
    """The whole generation as it stands."""
    body, pictures = worded(job, addresses)
    return json_reply(body, pictures=pictures)


def worded(job: Job, addresses: Addresses) -> tuple[Generation, Sequence[Base64Of]]:
    """The whole generation, and the files that go where it says base64."""
    facts = facts_of(job)
    images = [image(job, picture, facts, addresses) for task in job.tasks for picture in task.pictures]
    return generation(job, facts, images, addresses), files(job, facts)


def listed(job: Job, addresses: Addresses) -> Generation:
    """The whole generation with links, whatever was asked for: a list holds no files."""
    facts = facts_of(job)
    images = [image(job, picture, facts, addresses, linked=True) for task in job.tasks for picture in task.pictures]
    return generation(job, facts, images, addresses)


def files(job: Job, facts: Facts) -> Sequence[Base64Of]:
    """The files of a job that is answered in base64, none for others."""
    if not facts.in_base64:
        return ()
    return [file_of(picture) for task in job.tasks for picture in task.pictures]


def file_of(picture: Picture) -> Base64Of:
    """A picture's file."""
    return Base64Of(picture.read_url, picture.byte_count)


def quoted(quote: Quote) -> Reply:
    """The price of a dry run."""
    return json_reply(DryRun(True, _cost(quote.amount_micros)))


def image(job: Job, picture: Picture, facts: Facts, addresses: Addresses, *, linked: bool = False) -> Image:
    """One picture, by its link or by its file."""
    operation = job.tasks[0].draw.operation
    measured = operation == OPERATION_INPAINT
    by_file = facts.in_base64 and not linked
    return _FORMS.get(operation, _DRAWN).image(
        id=picture.image_id,
        url=UNSET if by_file else addresses.picture(job, picture),
        base64=PICTURE_HERE if by_file else UNSET,
        width=picture.width,
        height=picture.height,
        size_bytes=picture.byte_count,
        format=_FORMATS.get(picture.format, picture.format),
        nsfw_score=None,
        aesthetic_score=None,
        transformations_applied=list(picture.transformations),
        mask_area_percentage=facts.mask_area_percent if measured else UNSET,
        inpainted_regions=_regions(facts) if measured else UNSET,
        seed=picture.seed if picture.HasField("seed") else None,
        image_id=picture.image_id,
    )


def _regions(facts: Facts) -> list[Region] | None:
    return None if facts.mask_regions is None else [Region(*region) for region in facts.mask_regions]


def generation(job: Job, facts: Facts, images: Sequence[Image], addresses: Addresses) -> Generation:
    """A job around its pictures."""
    task = job.tasks[0]
    served = next((task for task in job.tasks if task.provider), None)
    return _FORMS.get(task.draw.operation, _DRAWN).generation(
        id=shown_id(job),
        status=status_word(job),
        created_at=moment(job.created_at),
        completed_at=moment(job.finished_at) if job.HasField("finished_at") else None,
        model=task.draw.model,
        images=images,  # type: ignore[arg-type]  # both are of the same operation's form
        cost=_cost(job.charge_micros),
        metadata=facts.metadata,
        revised_prompt=task.revised_prompt or task.draw.prompt,
        warnings=list(dict.fromkeys((*facts.warnings, *_warnings(job)))),
        provider=served.provider if served else None,
        upstream_model=served.upstream_model if served else None,
        source_image=_source(job, task.draw, facts, addresses),
        error=_error(job, addresses),
    )


def _cost(amount_micros: int) -> Cost:
    return Cost(in_credits(amount_micros), usd(amount_micros))


def _warnings(job: Job) -> Iterator[str]:
    for task in job.tasks:
        yield from map(in_paths, task.warnings)
        missing = task.draw.n - len(task.pictures)
        if job.state == Job.STATE_PARTIAL and missing:
            why = f": {task.fault.message}" if task.HasField("fault") else ""
            yield f"{missing} of {task.draw.n} pictures could not be drawn{why or '.'}"


def _source(job: Job, draw: Draw, facts: Facts, addresses: Addresses) -> SourceImage | UnsetType:
    if not draw.input_image_ids:
        return UNSET
    url = facts.source_url or None
    if url is None and facts.source_image_id:
        url = addresses.picture(job, Picture(image_id=facts.source_image_id, format=facts.source_format))
    return SourceImage(url, Analysis(facts.dominant_colors))


def _error(job: Job, addresses: Addresses) -> ErrorObject | UnsetType:
    if status_word(job) != "failed":
        return UNSET
    return error_object(failure(job), job.request_id, addresses.edge("/docs"))
