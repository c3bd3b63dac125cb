"""One purchase in the words of each dialect, and how its errors are read: what tests that cross all dialects are written with."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from testkit.sample_pictures import sample

NO_CHANGES: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Said:
    """An error, as far as its dialect tells it: `field` is the field that it names apart from its message."""

    code: str
    type: str
    message: str
    field: str


@dataclass(frozen=True, slots=True)
class Speaker:
    """One dialect: the POST that draws one picture, where its jobs are polled, and in which header the key goes.

    `drawing` is a request but for its prompt, which costs `price_micros`; `nested_in` names the list whose one item it is, where
    the body is not the drawing itself. `reading_path` is a cheap route that request limits count.
    """

    name: str
    purchase_path: str
    polling_path: str
    reading_path: str
    drawing: Mapping[str, object]
    price_micros: int
    key_header: str = "Authorization"
    nested_in: str = ""

    def body(self, prompt: str, changes: Mapping[str, object] = NO_CHANGES) -> dict[str, object]:
        """A request that draws this."""
        drawing = {**self.drawing, "prompt": prompt, **changes}
        return {self.nested_in: [drawing]} if self.nested_in else drawing

    def credential(self, api_key: str) -> dict[str, str]:
        """The header that bears the key."""
        return {self.key_header: f"Bearer {api_key}" if self.key_header == "Authorization" else api_key}

    def polling(self, job_id: str) -> str:
        """Where a job is polled."""
        return self.polling_path.format(id=job_id)

    def said(self, body: Any) -> Said:
        """Read an error's body."""
        error = body["error"] if isinstance(body.get("error"), dict) else body
        named = error.get("param") or error.get("details", {}).get("field") or ""
        return Said(error["code"], error.get("type", ""), error["message"], named)


SOURCE = "data:image/png;base64," + base64.b64encode(sample("png", 64, 64).stamped(1)).decode()

BIGAPI = Speaker(
    "bigapi",
    "/v1/jobs/create",
    "/v1/jobs/{id}",
    "/v1/jobs",
    {"provider": "dalle", "size": "1024x1024"},
    price_micros=50_000,
    nested_in="tasks",
)
IMAGEGEN = Speaker(
    "imagegen",
    "/api/v2/generate/text-to-image",
    "/api/v2/generations/{id}",
    "/api/v2/generations",
    {"model": "gpt-image-2", "parameters": {"width": 1024, "height": 1024}},
    price_micros=211_000,
)
OPSCENTER = Speaker(
    "opscenter",
    "/api/v1/llm/image/generations",
    "/api/v1/llm/jobs/{id}",
    "/api/v1/llm/models",
    {"model": "dall-e-3", "size": "1024x1024"},
    price_micros=40_000,
)
PIXELDOJO = Speaker(
    "pixeldojo",
    "/api/v1/flux",
    "/api/v1/jobs/{id}",
    "/api/v1/jobs/nothing",
    {"model": "flux-1.1-pro"},
    price_micros=40_000,
)
PRODUCTAI = Speaker(
    "productai",
    "/v1/api/generate",
    "/v1/api/job/{id}",
    "/v1/api/key-check",
    {"model": "gpt-low", "image_url": SOURCE},
    price_micros=60_000,
    key_header="x-api-key",
)
OPENAI = Speaker(
    "openai",
    "/v1/images/generations",
    "/v1/images/jobs/{id}",
    "/v1/models",
    {"model": "gpt-image-2", "size": "1024x1024", "quality": "low", "response_format": "url"},
    price_micros=6_000,
)
SPEAKERS = (BIGAPI, IMAGEGEN, OPSCENTER, PIXELDOJO, PRODUCTAI, OPENAI)
