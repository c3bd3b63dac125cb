"""What is done with each block of Ops-Center's document; 10,000 credits are 10 USD, and VIP Founder pays 40 for a picture."""

from .uses import (
    Ask,
    Case,
    Client,
    Customer,
    Document,
    Expected,
    PartOf,
    Snippet,
    row,
)

FOUNDER = Customer("vip_founder", 10.0)
_IMAGE, _IMAGES, _KEYS = "/api/v1/llm/image/generations", "/api/v1/llm/images/generations", "/api/v1/llm/byok/keys"
FIGURES = tuple(
    f"_metadata.{name}" for name in ("cost_incurred", "credits_remaining", "images_generated", "size", "quality")
)
_UNICORN = {
    "prompt": "A majestic unicorn in a magical forest",
    "model": "dall-e-3",
    "size": "1024x1024",
    "quality": "standard",
}


def retry_calling(calls: str) -> Snippet:
    """The function that the document retries with, set up as its first example sets the SDK up, and what calls it."""
    return Snippet(Client.OLD_SDK, after=1, calls=calls)


_RETRY = retry_calling('print("Retried:", generate_with_retry("A majestic unicorn")["data"][0]["url"])\n')

DOCUMENT = Document(
    name="opscenter",
    hosts=("https://your-domain.com",),
    keys=("YOUR_UC_API_KEY", "UC_API_KEY"),
    words={"sk-or-v1-...": "sk-or-v1-0123456789abcdef0123456789abcdef"},
    rows=(
        row(
            1,
            "python",
            "Python",
            Case(
                Snippet(Client.OLD_SDK),
                FOUNDER,
                (Expected("POST", _IMAGES, like=4, same=FIGURES),),
                prints=(r"Generated: http\S+", r"Cost: 40\.0 credits"),
            ),
        ),
        row(
            2,
            "javascript",
            "JavaScript/TypeScript",
            Case(
                Snippet(Client.NODE),
                FOUNDER,
                (Expected("POST", _IMAGE, like=4, same=FIGURES),),
                prints=(r"Image: http\S+", r"Cost: 40 credits"),
            ),
        ),
        row(3, "bash", "cURL", Case(Snippet(Client.CURL), FOUNDER, (Expected("POST", _IMAGE, like=4, same=FIGURES),))),
        row(4, "json", "5. Response Format", PartOf(3)),
        row(
            5,
            "python",
            "Enable BYOK to Avoid Credit Charges",
            Case(Snippet(Client.PYTHON), FOUNDER, (Expected("POST", _KEYS, 201),)),
        ),
        row(
            6,
            "json",
            "Example Error Response",
            Case(
                Ask("POST", _IMAGE, _UNICORN),
                Customer("vip_founder", 0.0105),
                (Expected("POST", _IMAGE, 402, like=6, same=("detail",)),),
            ),
        ),
        row(
            7,
            "python",
            "Retry Logic",
            Case(
                _RETRY,
                FOUNDER,
                (Expected("POST", _IMAGES, like=4), Expected("POST", _IMAGES, like=4)),
                prints=(r"Retried: http\S+",),
            ),
        ),
        row(
            8,
            "jsx",
            "11. Example: React Image Generator Component",
            Case(
                Snippet(Client.REACT, typed=("A majestic unicorn in a magical forest",)),
                FOUNDER,
                (Expected("POST", _IMAGE, like=4, same=FIGURES),),
                prints=(r"true", r'"http\S+"', r"^40$", r"false"),
            ),
        ),
    ),
)
