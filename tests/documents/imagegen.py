"""What is done with each block of the Image Generation API's document; 4,521 credits are 90.42 USD.

Processing, the gallery, collections, webhooks, integrations and OAuth come with later versions: until then their routes answer 501,
and their examples are sent, but their answers cannot be compared.
"""

from .uses import (
    AnswerHeaders,
    Ask,
    Body,
    Case,
    Client,
    Customer,
    Document,
    Expected,
    Headers,
    Line,
    NotRun,
    PartOf,
    Polled,
    Snippet,
    Use,
    row,
)

_PRO = Customer("pro", 90.42, email="user@example.com", name="creative_artist")
_TEXT, _IMAGE, _INPAINT = (f"/api/v2/generate/{kind}" for kind in ("text-to-image", "image-to-image", "inpaint"))
_MODELS, _PROFILE = "/api/v2/models", "/api/v2/user/profile"
_SDXL = f"{_MODELS}/stable-diffusion-xl"
_GENERATION = Ask("POST", _TEXT, {"prompt": "A cyberpunk street scene at night"})
_PUBLISHED = tuple(
    f"models[{model}].{field}"
    for model in ("stable-diffusion-xl", "midjourney-v6")
    for field in ("name", "version", "type", "capabilities", "pricing")
)
_UNPUBLISHED = NotRun("imports an SDK that was never published")
_NO_ANSWER_YET = NotRun("the answer of a route that answers 501 in this version")


def _later(path: str) -> Use:
    """The POST of a later version."""
    return Case(Body(path), _PRO, (Expected("POST", path, 501),))


DOCUMENT = Document(
    name="imagegen-v2",
    hosts=("https://api.imagegen.app",),
    keys=("YOUR_API_KEY", "<api_key>"),
    words={"<unique_request_id>": "documents-request-1"},
    rows=(
        row(1, "", "Base URL", NotRun("the base of every request below")),
        row(
            2,
            "http",
            "API Key Authentication",
            Case(Headers(_PROFILE, each=True), _PRO, (Expected("GET", _PROFILE, like=20),) * 2),
        ),
        row(
            3,
            "http",
            "OAuth 2.0 Authentication",
            NotRun("access tokens come with OAuth, which this version does not serve"),
        ),
        row(
            4,
            "http",
            "Common Headers",
            Case(Headers(_MODELS, keyless=True), _PRO, (Expected("GET", _MODELS, like=18),)),
        ),
        row(
            5,
            "http",
            "Quota Information",
            AnswerHeaders(Ask("GET", _MODELS), Customer("basic", 50.0), ("X-RateLimit-Limit", "X-Quota-Limit")),
        ),
        row(
            6,
            "json",
            "POST /api/v2/generate/text-to-image",
            Case(
                Body(_TEXT),
                _PRO,
                (Expected("POST", _TEXT, 202),),
                polled=Polled(
                    "/api/v2/generations/{id}",
                    "status",
                    "completed",
                    like=7,
                    same=("status", "model", "cost", "metadata"),
                ),
                delivered=28,
            ),
        ),
        row(7, "json", "POST /api/v2/generate/text-to-image", PartOf(6)),
        row(
            8,
            "json",
            "POST /api/v2/generate/image-to-image",
            Case(Body(_IMAGE), _PRO, (Expected("POST", _IMAGE, like=9, same=("status",)),)),
        ),
        row(9, "json", "POST /api/v2/generate/image-to-image", PartOf(8)),
        row(
            10,
            "json",
            "POST /api/v2/generate/inpaint",
            Case(
                Body(_INPAINT),
                _PRO,
                (Expected("POST", _INPAINT, like=11, same=("status", "images[].inpainted_regions")),),
            ),
        ),
        row(11, "json", "POST /api/v2/generate/inpaint", PartOf(10)),
        row(12, "json", "POST /api/v2/process/filters", _later("/api/v2/process/filters")),
        row(13, "json", "POST /api/v2/process/filters", _NO_ANSWER_YET),
        row(14, "json", "POST /api/v2/process/remove-background", _later("/api/v2/process/remove-background")),
        row(15, "json", "POST /api/v2/process/remove-background", _NO_ANSWER_YET),
        row(16, "json", "POST /api/v2/process/upscale", _later("/api/v2/process/upscale")),
        row(17, "json", "POST /api/v2/process/upscale", _NO_ANSWER_YET),
        row(
            18,
            "json",
            "GET /api/v2/models",
            Case(Ask("GET", _MODELS), _PRO, (Expected("GET", _MODELS, like=18, same=_PUBLISHED),)),
        ),
        row(
            19,
            "json",
            "GET /api/v2/models/{model_id}",
            Case(
                Ask("GET", _SDXL),
                _PRO,
                (
                    Expected(
                        "GET",
                        _SDXL,
                        like=19,
                        same=(
                            "model.id",
                            "model.name",
                            "model.version",
                            "model.release_date",
                            "model.type",
                            "model.status",
                            "model.parameters",
                        ),
                    ),
                ),
            ),
        ),
        row(
            20,
            "json",
            "GET /api/v2/user/profile",
            Case(
                Ask("GET", _PROFILE),
                _PRO,
                (
                    Expected(
                        "GET",
                        _PROFILE,
                        like=20,
                        same=(
                            "user.email",
                            "user.subscription.plan",
                            "user.subscription.status",
                            "user.usage.credits_remaining",
                            "user.usage.storage_limit_mb",
                            "user.preferences",
                        ),
                    ),
                ),
            ),
        ),
        row(
            21,
            "",
            "GET /api/v2/gallery",
            Case(
                Line("/api/v2/gallery"),
                _PRO,
                (
                    Expected(
                        "GET",
                        "/api/v2/gallery?page=1&limit=20&sort=created_at&order=desc&tags=landscape,nature&model=stable-diffusion-xl&date_from=2024-01-01&date_to=2024-01-31",
                        501,
                    ),
                ),
            ),
        ),
        row(22, "json", "GET /api/v2/gallery", _NO_ANSWER_YET),
        row(23, "json", "POST /api/v2/gallery/items", _later("/api/v2/gallery/items")),
        row(24, "json", "POST /api/v2/collections", _later("/api/v2/collections")),
        row(25, "json", "POST /api/v2/collections", _NO_ANSWER_YET),
        row(26, "json", "POST /api/v2/webhooks", _later("/api/v2/webhooks")),
        row(27, "json", "POST /api/v2/webhooks", _NO_ANSWER_YET),
        row(28, "json", "Generation Completed", PartOf(6)),
        row(29, "json", "POST /api/v2/integrations/connect", _later("/api/v2/integrations/connect")),
        row(
            30,
            "json",
            "Error Response Format",
            Case(
                Ask("POST", _TEXT, {"prompt": "nude photo of a naked woman"}),
                _PRO,
                (
                    Expected(
                        "POST",
                        _TEXT,
                        400,
                        like=30,
                        same=("error.type", "error.code", "error.details.field", "error.details.reason"),
                    ),
                ),
            ),
        ),
        row(31, "bash", "JavaScript/TypeScript", NotRun("installs an SDK that was never published")),
        row(32, "javascript", "JavaScript/TypeScript", _UNPUBLISHED),
        row(33, "bash", "Python", NotRun("installs an SDK that was never published")),
        row(34, "python", "Python", _UNPUBLISHED),
        row(35, "swift", "Swift (iOS/macOS)", _UNPUBLISHED),
        row(36, "go", "Go", _UNPUBLISHED),
        row(37, "jsx", "React Component", _UNPUBLISHED),
        row(
            38,
            "bash",
            "cURL Examples",
            Case(
                Snippet(Client.CURL),
                _PRO,
                (
                    Expected("POST", _TEXT, like=7, echoed="metadata"),
                    Expected("GET", "/api/v2/generations/gen_abc123", like=7, echoed="metadata"),
                    Expected("GET", _MODELS, like=18),
                ),
                (_GENERATION,),
                {"gen_abc123": "id"},
            ),
        ),
    ),
)
