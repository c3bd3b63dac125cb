"""What is done with each block of BIG API's document; 10,000 credits are 50 USD, and 60 requests a minute are plan Starter."""

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
    Key,
    Line,
    NotRun,
    PartOf,
    Snippet,
    row,
)

_STARTER = Customer("starter", 50.0)
_JOBS = "/v1/jobs/create"
_STATS = "/v1/dashboard/stats"
_DONE = Expected("POST", _JOBS, like=7)
_ONE_DONE = Expected("POST", _JOBS, like=7, same=("message", "total_tasks", "successful", "failed", "results[].status"))
_AS_SHOWN = (
    *_ONE_DONE.same,
    "credits_used",
    "credits_remaining",
    "results[].prompt",
    "results[].provider",
)
_DALLE = {"prompt": "A serene mountain landscape", "provider": "dalle"}
# As often each as puts them in the document's order: the most used one first.
_OFTEN = ("dalle", "dalle", "dalle", "imagen-4", "imagen-4", "flux-kontext")
_THREE_PROVIDERS = Ask("POST", _JOBS, {"tasks": [{**_DALLE, "provider": provider} for provider in _OFTEN]})
_TASK = Case(Body(_JOBS, within="tasks"), _STARTER, (_ONE_DONE,))
_PRINTED = (r"Generated 2 images", r"Credits used: 19", r"Image URL: http\S+", r"Image URL: http\S+")

DOCUMENT = Document(
    name="bigapi",
    hosts=("https://ai-image-bulk.vercel.app", "https://api.bigapi.io"),
    keys=("big_live_your_api_key_here", "big_live_your_key_here", "big_live_abc123...", "YOUR_API_KEY"),
    words={"sk-...": "sk-documents-0123456789abcdef"},
    payload=(13, 14, 15, 16, 18, 19),
    rows=(
        row(
            1,
            "bash",
            "Using Your API Key",
            Case(Headers(_STATS), _STARTER, (Expected("GET", _STATS, like=9),), (_THREE_PROVIDERS,)),
        ),
        # The example has no -X: a GET, which this path does not take (contract.md, bigapi).
        row(
            2,
            "bash",
            "Using Your API Key",
            Case(Snippet(Client.CURL), _STARTER, (Expected("GET", _JOBS, 405, like=20),)),
        ),
        row(3, "bash", "Step 1: Install HTTP Client", NotRun("installs the clients; here they come from lock files")),
        row(
            4,
            "python",
            "Step 2: Make Your First Request",
            Case(Snippet(Client.PYTHON), _STARTER, (_ONE_DONE,), prints=(r"'message': 'Job completed successfully'",)),
        ),
        row(5, "", "1. Create Image Generation Job", PartOf(6)),
        row(
            6,
            "json",
            "1. Create Image Generation Job",
            Case(Body(_JOBS, headers=5), _STARTER, (Expected("POST", _JOBS, like=7, same=_AS_SHOWN),)),
        ),
        row(7, "json", "1. Create Image Generation Job", PartOf(6)),
        row(
            8,
            "",
            "2. Get Dashboard Statistics",
            Case(Headers(_STATS), _STARTER, (Expected("GET", _STATS, like=9),), (_THREE_PROVIDERS,)),
        ),
        row(9, "json", "2. Get Dashboard Statistics", PartOf(8)),
        row(
            10,
            "",
            "3. Get Usage Analytics",
            Case(
                Line(),
                _STARTER,
                (Expected("GET", "/v1/dashboard/usage?period=7d", like=11, same=("period",)),),
                (_THREE_PROVIDERS,),
            ),
        ),
        row(11, "json", "3. Get Usage Analytics", PartOf(10)),
        row(
            12,
            "json",
            "4. List API Keys",
            Case(
                Ask("GET", "/v1/api-keys"),
                _STARTER,
                (Expected("GET", "/v1/api-keys", like=12),),
                (Ask("POST", "/v1/api-keys", {"name": "Production Key"}, 201),),
            ),
        ),
        row(13, "json", "DALL-E 3 (OpenAI)", _TASK),
        row(14, "json", "Imagen 4 Ultra (Google)", _TASK),
        row(15, "json", "Seedream 4", _TASK),
        row(16, "json", "Ideogram V3", _TASK),
        row(17, "json", "GPT Image 1 (OpenAI)", _TASK),
        row(18, "json", "FLUX Models", _TASK),
        row(19, "json", "Qwen-Image", _TASK),
        row(
            20,
            "json",
            "Error Response Format",
            Case(Ask("POST", _JOBS, {"tasks": []}), _STARTER, (Expected("POST", _JOBS, 400, like=20),)),
        ),
        row(
            21,
            "json",
            "Example Error Responses",
            Case(
                Ask("POST", _JOBS, {"tasks": [_DALLE] * 5}),
                Customer("starter", 0.05),
                (Expected("POST", _JOBS, 402, like=21, same=("error", "credits_needed", "credits_available")),),
            ),
        ),
        row(
            22,
            "json",
            "Example Error Responses",
            Case(
                Ask("GET", _STATS),
                Customer("starter", 50.0, Key.UNKNOWN),
                (Expected("GET", _STATS, 401, like=22, same=("error",)),),
            ),
        ),
        row(23, "", "Rate Limits", AnswerHeaders(Ask("GET", _STATS), _STARTER, ("X-RateLimit-Limit",))),
        row(24, "python", "Python", Case(Snippet(Client.PYTHON), _STARTER, (_DONE,), prints=_PRINTED)),
        row(25, "javascript", "JavaScript/Node.js", Case(Snippet(Client.NODE), _STARTER, (_DONE,), prints=_PRINTED)),
        row(26, "bash", "cURL", Case(Snippet(Client.CURL), _STARTER, (_ONE_DONE, Expected("GET", _STATS), _DONE))),
        row(
            27,
            "python",
            "1. Error Handling",
            Case(Snippet(Client.PYTHON, after=24), _STARTER, (_DONE, _DONE), prints=_PRINTED),
        ),
    ),
)
