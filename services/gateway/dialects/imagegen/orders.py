"""A generation's body becomes an order: one draw, the facts to word its answer again, and the pictures that it needs.

Source: contract.md, "imagegen", Generation and Account.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from gateway.desk import Desk
from gateway.dialects.imagegen import sources, words
from gateway.dialects.imagegen.facts import Facts, frozen
from gateway.dialects.imagegen.preferences import DEFAULT_MODEL, DEFAULT_SIZE
from gateway.dialects.imagegen.requests import (
    MAX_PROMPT_CHARACTERS,
    Generation,
    ImageToImage,
    Inpaint,
    Output,
    Parameters,
    Preserve,
    Style,
    TextToImage,
)
from gateway.orders import Input, Order
from gateway.prompts import check_prompt, check_text
from gateway.visitor import Visitor
from gesso.generator.v1.generator_pb2 import (
    OPERATION_IMAGE_TO_IMAGE,
    OPERATION_INPAINT,
    OPERATION_TEXT_TO_IMAGE,
    Draw,
    Operation,
    Purchase,
)
from servicekit.addresses import Network
from servicekit.egress import EgressError, ForbiddenUrl, Unreachable, check_host, check_url
from servicekit.faults import InvalidField

_MOST_METADATA_BYTES = 16 * 1024
_MOST_TAGS = 32
_LONGEST_TAG = 50
_MOST_NEGATIVE_CHARACTERS = 10_000
_DEFAULT_STRENGTH = 0.75
_STRUCTURE_KEPT = 0.6
"""The part of the strength that is handed on where the source's structure is to stay."""
_SHORT_KEEP_SECONDS = 86_400
"""Pictures of accounts that do not save to the gallery live as long as their links."""
_RESOLVING_SECONDS = 2.0
_FORMATS = {"jpg": "jpeg"}

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Orders:
    """Makes orders; `egress_allow` are the networks that callers' addresses may reach although they are not public."""

    egress_allow: tuple[Network, ...] = ()

    def text_to_image(self, request: TextToImage, visitor: Visitor) -> Order:
        """Raises InvalidField."""
        draw, warnings = _draw(request, OPERATION_TEXT_TO_IMAGE, visitor)
        width, _, height = (visitor.preferences.default_size or DEFAULT_SIZE).partition("x")
        draw.width, draw.height = draw.width or int(width), draw.height or int(height)
        return self._order(request, draw, warnings, visitor)

    def image_to_image(self, request: ImageToImage, visitor: Visitor) -> Order:
        """Raises InvalidField."""
        draw, warnings = _draw(request, OPERATION_IMAGE_TO_IMAGE, visitor)
        _preserve(draw, request)
        return self._order(request, draw, warnings, visitor, Input("init_image", request.init_image))

    def inpaint(self, request: Inpaint, visitor: Visitor) -> Order:
        """Raises InvalidField."""
        draw, warnings = _draw(request, OPERATION_INPAINT, visitor)
        given: Mapping[str, str | None] = {
            "inpaint_mode": request.inpaint_mode,
            "mask_blur": None if request.mask_blur is None else str(request.mask_blur),
            sources.MASK_INVERTED: "true" if request.preserve_masked_area else None,
        }
        draw.options.update({name: value for name, value in given.items() if value is not None})
        inputs = (Input("init_image", request.init_image), Input("mask_image", request.mask_image))
        return self._order(request, draw, warnings, visitor, *inputs)

    def _order(self, request: Generation, draw: Draw, warnings: list[str], visitor: Visitor, *inputs: Input) -> Order:
        facts = Facts(
            in_base64=request.output is not None and request.output.return_type == "base64",
            metadata=_checked_metadata(request.metadata),
            warnings=warnings,
        )
        keeps = not visitor.preferences.HasField("auto_save_gallery") or visitor.preferences.auto_save_gallery
        purchase = Purchase(
            draws=(draw,),
            webhook_url=self._checked_address(request.webhook_url),
            facts=frozen(facts),
            keep_seconds=0 if keeps else _SHORT_KEEP_SECONDS,
        )
        respond_async = request.webhook_url is not None
        is_preferred = request.model is None and draw.model != DEFAULT_MODEL
        check = partial(self._check, purchase, is_preferred=is_preferred) if respond_async or is_preferred else None
        if not inputs:
            return Order(purchase, check=check, respond_async=respond_async)
        complete = partial(sources.complete, addresses=[str(wanted.origin) for wanted in inputs])
        return Order(purchase, inputs, complete, check=check, respond_async=respond_async)

    def _checked_address(self, address: str | None) -> str:
        if address is None:
            return ""
        try:
            check_url(address, self.egress_allow)
        except EgressError as error:
            raise _refused(error) from error
        return address

    async def _check(self, purchase: Purchase, desk: Desk, *, is_preferred: bool) -> None:
        """Check the webhook's host, and let a preferred model give way where it cannot do what is asked. Raises InvalidField."""
        if purchase.webhook_url:
            await self._check_host(purchase.webhook_url)
        (draw,) = purchase.draws
        if is_preferred and not await _is_offered(draw, desk):
            draw.model = DEFAULT_MODEL

    async def _check_host(self, address: str) -> None:
        """Refuse a name that leads nowhere allowed; an https name that cannot be resolved now may be when the job has ended."""
        try:
            async with asyncio.timeout(_RESOLVING_SECONDS):
                await check_host(address, self.egress_allow)
        except ForbiddenUrl as error:
            raise _refused(error) from error
        except (Unreachable, TimeoutError) as error:
            if not address.casefold().startswith("https:"):
                raise _refused(ForbiddenUrl("http is for addresses that this platform opens")) from error


async def _is_offered(draw: Draw, desk: Desk) -> bool:
    """Whether the model can do what is asked; the preferences name one for all that is generated."""
    return any(model.id == draw.model and draw.operation in model.operations for model in await desk.models())


def _refused(error: EgressError) -> InvalidField:
    return InvalidField("webhook_url", f"`webhook_url` must be a public https address: {error}.")


def _draw(request: Generation, operation: Operation.ValueType, visitor: Visitor) -> tuple[Draw, list[str]]:
    """What all three have in common, and what of it is ignored. Raises InvalidField."""
    check_prompt(request.prompt, longest=MAX_PROMPT_CHARACTERS)
    check_text(request.negative_prompt or "", longest=_MOST_NEGATIVE_CHARACTERS, field="negative_prompt")
    parameters, output = request.parameters or Parameters(), request.output or Output()
    style, unknown_words = _styled(request.style or Style())
    options, unknown_names = _named(parameters)
    file_format = _FORMATS.get(output.format or "", output.format or "png")
    seed = None if parameters.seed == -1 else parameters.seed
    count = parameters.num_outputs or 1
    draw = Draw(
        operation=operation,
        model=request.model or visitor.preferences.default_model or DEFAULT_MODEL,
        prompt=", ".join((request.prompt, *style)),
        asked_prompt=request.prompt if style else "",
        negative_prompt=request.negative_prompt or "",
        n=count,
        width=parameters.width or 0,
        height=parameters.height or 0,
        output_format=file_format,
        output_quality=0 if file_format == "png" else output.quality or 0,
        seed=seed,
        tells_seeds=seed is None and count > 1,
        steps=parameters.num_inference_steps,
        guidance=parameters.guidance_scale,
        options=options,
    )
    return draw, [*unknown_words, *unknown_names, *_idle(output, file_format)]


def _styled(style: Style) -> tuple[list[str], list[str]]:
    """What the style adds to the prompt, and what of it is not known."""
    added, unknown = [], []
    for field in words.STYLE_TABLES:
        word = getattr(style, field)
        if not word:
            continue
        found = words.style_words(field, word)
        if found is None:
            unknown.append(_ignored(f"style.{field}", word))
        else:
            added.append(found)
    return added, unknown


def _named(parameters: Parameters) -> tuple[dict[str, str], list[str]]:
    """Scheduler and sampler as they are handed on, and what of them is not known."""
    known, unknown = {}, []
    for field, names in (("scheduler", words.SCHEDULERS), ("sampler", words.SAMPLERS)):
        name = getattr(parameters, field)
        if not name:
            continue
        found = words.known_name(name, names)
        if found is None:
            unknown.append(_ignored(f"parameters.{field}", name))
        else:
            known[field] = found
    return known, unknown


def _ignored(field: str, word: str) -> str:
    return f"`{field}` {word!r} is not known and was ignored."


def _idle(output: Output, file_format: str) -> Iterator[str]:
    if file_format == "png" and output.quality is not None:
        yield "`output.quality` has no effect on png and was ignored."


def _preserve(draw: Draw, request: ImageToImage) -> None:
    kept = request.preserve or Preserve()
    strength = _DEFAULT_STRENGTH if request.strength is None else request.strength
    draw.strength = round(strength * _STRUCTURE_KEPT, 6) if kept.structure else strength
    if kept.colors:
        draw.options["preserve_colors"] = "true"
    if kept.style:
        draw.asked_prompt = request.prompt
        draw.prompt = f"{draw.prompt}, {words.KEEP_THE_STYLE}"


def _checked_metadata(metadata: dict[str, Any] | None) -> dict[str, Any]:
    """Raises InvalidField."""
    if metadata is None:
        return {}
    byte_count = len(_encoder.encode(metadata))
    if byte_count > _MOST_METADATA_BYTES:
        raise InvalidField(
            "metadata", f"`metadata` must have at most {_MOST_METADATA_BYTES} bytes as JSON, not {byte_count}."
        )
    if metadata.get("tags") is not None:
        check_tags(metadata["tags"], "metadata.tags")
    return metadata


def check_tags(tags: object, field: str) -> None:
    """Raise InvalidField unless they are at most 32 strings of at most 50 characters. Source: contract.md, "imagegen"."""
    if not isinstance(tags, list) or len(tags) > _MOST_TAGS:
        raise InvalidField(field, f"`{field}` must be a list of at most {_MOST_TAGS} strings.")
    for index, tag in enumerate(tags):
        if not isinstance(tag, str) or len(tag) > _LONGEST_TAG:
            name = f"{field}[{index}]"
            raise InvalidField(name, f"`{name}` must be a string of at most {_LONGEST_TAG} characters.")
