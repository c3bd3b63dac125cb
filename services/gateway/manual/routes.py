"""The routes at which the edge describes itself. Nothing is made before it is first asked for, and each thing once."""

from collections.abc import Sequence
from functools import cached_property
from urllib.parse import unquote

import msgspec

from gateway.about import HTML, About, Answer, Parameter
from gateway.dialects.base import Dialect
from gateway.manual import guides, layout
from gateway.manual.errors import ROOT, Errors
from gateway.manual.openapi import Object, document
from gateway.manual.reference import Reference
from gateway.plain import PlainRoute
from gateway.wire import Ask, Reply


def _html(text: str, status: int = 200) -> Answer:
    return Answer(status, text, headers=("Cache-Control",), content_type=HTML)


_CODE = Parameter("code", "path", "The code of an error in any API, or the name of its reason.", str, "RATE_LIMITED")


class Manual:
    """What the edge says of itself; `beside` are the plain routes that it describes beside its own."""

    def __init__(self, dialects: Sequence[Dialect], beside: Sequence[PlainRoute], public_url: str) -> None:
        self._dialects = dialects
        self._public_url = public_url
        self._errors = Errors(dialects, public_url)
        self.routes = (
            PlainRoute(
                "/openapi.json",
                "openapi",
                self._openapi,
                About(
                    "This API's OpenAPI document",
                    answers=(Answer(200, "The document.", headers=("Cache-Control",)),),
                ),
            ),
            PlainRoute("/docs", "docs", self._reference, About("This documentation", answers=(_html("The page."),))),
            PlainRoute("/docs/keys", "keys", self._keys, About("About API keys", answers=(_html("The page."),))),
            PlainRoute(
                "/docs/billing", "billing", self._billing, About("About billing", answers=(_html("The page."),))
            ),
            PlainRoute(ROOT, "errors", self._index, About("All errors", answers=(_html("The page."),))),
            PlainRoute(
                f"{ROOT}/{{code}}",
                "error",
                self._error,
                About(
                    "What an error means",
                    answers=(_html("The page."), _html("No API gives this code.", 404)),
                    parameters=(_CODE,),
                ),
            ),
        )
        self._described = (*beside, *self.routes)

    @cached_property
    def document(self) -> Object:
        """The OpenAPI document."""
        return document(self._dialects, self._described, self._public_url)

    @cached_property
    def _encoded(self) -> bytes:
        return msgspec.json.encode(self.document)

    async def _openapi(self, _: Ask) -> Reply:
        return Reply(200, (self._encoded,), layout.KEPT)

    async def _reference(self, _: Ask) -> Reply:
        return layout.reply(self._page)

    @cached_property
    def _page(self) -> bytes:
        return Reference(self.document).page()

    async def _keys(self, _: Ask) -> Reply:
        return layout.reply(guides.keys())

    async def _billing(self, _: Ask) -> Reply:
        return layout.reply(guides.billing())

    async def _index(self, _: Ask) -> Reply:
        return layout.reply(self._errors.index())

    async def _error(self, ask: Ask) -> Reply:
        page = self._errors.page(unquote(ask.path.removeprefix(f"{ROOT}/")))
        return layout.reply(self._errors.missing(), 404) if page is None else layout.reply(page)
