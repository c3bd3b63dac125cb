"""What is done with each block of ProductAI's document; 1,250 tokens are 37.50 USD, and 15 requests a minute are enough."""

from .uses import (
    Ask,
    Case,
    Client,
    Customer,
    Document,
    Endpoint,
    Expected,
    Key,
    NotRun,
    PartOf,
    Polled,
    Snippet,
    row,
)

_STANDARD = Customer("standard", 37.5)
_GENERATE, _UPSCALE, _CUSTOM, _KEY = (
    "/v1/api/generate",
    "/v1/api/upscale",
    "/v1/api/generate-custom-model",
    "/v1/api/key-check",
)
_JOB = "/v1/api/job/{data.id}"
_PHOTO = "https://example.com/photo.jpg"
_PURCHASE = Ask(
    "POST", _GENERATE, {"image_url": _PHOTO, "prompt": "Make the background a sunset beach", "model": "nanobananapro"}
)
_MODEL = Ask(
    "POST",
    "/v1/api/custom-models",
    {
        "name": "custom-owesa-avatars",
        "provider": "fal",
        "base_model": "flux-dev-single-lora",
        "weights_url": "https://huggingface.co/owesa/avatars.safetensors",
        "trigger_word": "owesa",
    },
)


def _begun(path: str, like: int) -> Expected:
    return Expected("POST", path, like=like, same=("status",))


def _completed(*same: str) -> Polled:
    return Polled(_JOB, "data.status", "COMPLETED", like=10, same=("status", "data.status", *same))


DOCUMENT = Document(
    name="productai",
    hosts=("https://api.productai.photo",),
    keys=("YOUR_API_KEY",),
    header=("x-api-key", ""),
    rows=(
        row(1, "", "Base URL", NotRun("the base of every request below")),
        # The example has no -X: a GET, which this path does not take.
        row(
            2,
            "bash",
            "Authentication",
            Case(Snippet(Client.CURL), _STANDARD, (Expected("GET", _GENERATE, 405, like=19),)),
        ),
        row(3, "", "Endpoint", Endpoint("/v1")),
        row(
            4,
            "bash",
            "Example Request (Single Image)",
            Case(
                Snippet(Client.CURL),
                _STANDARD,
                (Expected("POST", _GENERATE, like=6, same=("status", "data.prompt")),),
                polled=_completed("data.prompt"),
            ),
        ),
        row(
            5,
            "bash",
            "Example Request (Multiple Images)",
            Case(Snippet(Client.CURL), _STANDARD, (_begun(_GENERATE, 6),), polled=_completed()),
        ),
        row(6, "json", "Response", PartOf(4)),
        row(7, "", "Endpoint", Endpoint("/v1")),
        row(
            8,
            "bash",
            "Example Request",
            Case(
                Snippet(Client.CURL),
                _STANDARD,
                (Expected("GET", "/v1/api/job/12345", like=9, same=("status", "data.prompt")),),
                (_PURCHASE,),
                {"12345": "data.id"},
                polled=_completed("data.prompt"),
            ),
        ),
        row(9, "json", "Response (In Progress)", PartOf(8)),
        row(10, "json", "Response (Completed)", PartOf(8)),
        row(11, "", "Endpoint", Endpoint("/v1")),
        row(
            12,
            "bash",
            "Example Request",
            Case(
                Snippet(Client.CURL),
                _STANDARD,
                (_begun(_UPSCALE, 13),),
                polled=Polled(_JOB, "data.status", "COMPLETED"),
            ),
        ),
        row(13, "json", "Response", PartOf(12)),
        row(14, "", "Endpoint", Endpoint("/v1")),
        row(
            15,
            "bash",
            "Example Request",
            Case(Snippet(Client.CURL), _STANDARD, (_begun(_CUSTOM, 6),), (_MODEL,), polled=_completed()),
        ),
        row(16, "", "Endpoint", Endpoint("/v1")),
        row(
            17,
            "bash",
            "Example Request",
            Case(Snippet(Client.CURL), _STANDARD, (Expected("GET", _KEY, like=18, same=("status", "data")),)),
        ),
        row(18, "json", "Response", PartOf(17)),
        row(
            19,
            "json",
            "Error Handling",
            Case(
                Ask("GET", _KEY),
                Customer("standard", 37.5, Key.UNKNOWN),
                (Expected("GET", _KEY, 401, like=19, same=("status",)),),
            ),
        ),
    ),
)
