"""What is done with each block of PixelDojo's document; 100 credits are 4 USD."""

from .uses import (
    AnswerHeaders,
    Ask,
    Body,
    Case,
    Client,
    Customer,
    Document,
    Endpoint,
    Expected,
    Headers,
    NotRun,
    PartOf,
    Snippet,
    row,
)

_STANDARD = Customer("standard", 4.0)
_FLUX = "/api/v1/flux"
_ORDER = {"prompt": "A beautiful landscape", "model": "flux-pro"}
_PURCHASE = Ask("POST", _FLUX, _ORDER)
_DONE = Expected("POST", _FLUX, like=10, same=("credits_used", "credits_remaining"), links=("images[]", 11))
_POLL = "/api/v1/jobs/{X-Gesso-Job-Id}"

DOCUMENT = Document(
    name="pixeldojo",
    hosts=("https://pixeldojo.ai",),
    keys=("YOUR_API_KEY", "your_api_key"),
    rows=(
        row(1, "", "Base URL", NotRun("the base of every request below")),
        row(2, "", "Authentication", Case(Headers(_POLL), _STANDARD, (Expected("GET", _POLL, like=10),), (_PURCHASE,))),
        row(3, "", "Rate Limits", AnswerHeaders(_PURCHASE, _STANDARD, ("X-RateLimit-Limit", "X-RateLimit-Remaining"))),
        row(
            4,
            "json",
            "Error Handling",
            Case(
                _PURCHASE,
                Customer("standard", 0.0),
                (Expected("POST", _FLUX, 403, like=4, same=("error.code", "error.message", "error.status")),),
            ),
        ),
        row(5, "", "Generate images using the Flux model", Endpoint()),
        row(6, "bash", "Example Request", Case(Snippet(Client.CURL), _STANDARD, (_DONE,))),
        row(
            7,
            "javascript",
            "Example Request",
            Case(Snippet(Client.NODE), _STANDARD, (_DONE,), prints=(r"credits_remaining: 99",)),
        ),
        row(
            8,
            "python",
            "Example Request",
            Case(Snippet(Client.PYTHON), _STANDARD, (_DONE,), prints=(r"'credits_remaining': 99",)),
        ),
        row(9, "bash", "Example Request with LoRA (Flux Dev)", Case(Snippet(Client.CURL), _STANDARD, (_DONE,))),
        row(10, "json", "Example Response", PartOf(6)),
        row(11, "", "Image Storage Policy", PartOf(6)),
        row(12, "json", "How to Use LoRAs with the API", Case(Body(_FLUX), _STANDARD, (_DONE,))),
        row(
            13,
            "json",
            "Example Request for Flux Dev Single LoRA Model",
            Case(Body(), _STANDARD, (Expected("POST", _FLUX, like=14, same=_DONE.same, links=_DONE.links),)),
        ),
        row(14, "json", "Example Response", PartOf(13)),
        row(15, "javascript", "Handle Errors Gracefully", Case(Snippet(Client.NODE), _STANDARD, (_DONE,))),
        row(16, "", "Quick Reference", Endpoint()),
        row(
            17, "", "Quick Reference", Case(Headers(_POLL), _STANDARD, (Expected("GET", _POLL, like=10),), (_PURCHASE,))
        ),
    ),
)
