"""The list of an account's generations. Source: contract.md, "imagegen", Generations."""

from typing import cast

import msgspec

from gateway.desk import Desk
from gateway.dialects.imagegen import answers
from gateway.dialects.imagegen.shapes import DrawnGeneration
from gateway.queries import integer
from gateway.visitor import Visitor
from gateway.wire import Reply, json_reply
from gesso.generator.v1.generator_pb2 import OPERATION_IMAGE_TO_IMAGE, OPERATION_INPAINT, OPERATION_TEXT_TO_IMAGE

_GENERATING = (OPERATION_TEXT_TO_IMAGE, OPERATION_IMAGE_TO_IMAGE, OPERATION_INPAINT)
DEFAULT_LIMIT, MOST = 20, 100


class GenerationList(msgspec.Struct, frozen=True):
    """A page, newest first; `next_cursor` is null on the last one."""

    generations: list[DrawnGeneration]
    next_cursor: str | None


async def generations(desk: Desk, visitor: Visitor) -> Reply:
    """GET /api/v2/generations: those of every API, in links. Raises InvalidField for `limit` and `cursor`."""
    limit = integer(visitor.query, "limit", default=DEFAULT_LIMIT, least=1, most=MOST)
    page = await desk.jobs(operations=_GENERATING, limit=limit, cursor=visitor.query.get("cursor", ""))
    listed = [answers.listed(job, desk.addresses) for job in page.jobs]
    # All operations show the same fields, each in an order of its own: for the type they are the same.
    return json_reply(GenerationList(cast("list[DrawnGeneration]", listed), page.next_page_token or None))
