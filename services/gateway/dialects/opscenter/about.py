"""What the routes of the Ops-Center dialect say about themselves."""

from gateway.about import About, Answer, Parameter
from gateway.asked import REPLAYED
from gateway.dialects.opscenter.answers import (
    Credits,
    DeletedKey,
    ImagesResponse,
    Metadata,
    ModelList,
    ModelObject,
    MonthlyUsage,
    StoredKey,
    StoredKeys,
)
from gateway.dialects.opscenter.requests import SIZES, GenerationRequest, KeyRequest
from gateway.openai_images import about
from gateway.openai_images.answers import Image
from gateway.openai_images.requests import EditForm, VariationForm
from gateway.standing import DryRun, StandingJob
from gesso.errors.v1 import reason_pb2 as pb

TEXT = (
    "Ops-Center's image API: OpenAI's, with any of its SDKs, priced in credits of 0.001 USD. With a provider key of your own "
    "nothing is charged."
)
_JOB_ID = "job_01JZX4T7Q2M5V8N3B6C9D0E1F2"
_LINK = "http://127.0.0.1:8081/i/img_01JZX4T7QAM5V8N3B6C9D0E1F3.png?e=1753000000&s=9pJq"
_PICTURES = Answer(
    200,
    "The pictures.",
    ImagesResponse,
    ImagesResponse(
        created=1_699_123_456,
        data=[Image(url=_LINK, revised_prompt="Enhanced prompt (DALL-E 3 only)")],
        metadata=Metadata("OpenRouter", 40.0, 9960.0, 1, "1024x1024", "standard"),
    ),
)
_PRICE = Answer(200, "With `dry_run=true`: the highest price.", DryRun, DryRun(True, 48.0, 0.048))
_STANDING = Answer(
    202,
    "The job has not ended: ask again at `status_url`.",
    StandingJob,
    StandingJob(_JOB_ID, "queued", f"http://127.0.0.1:8080/api/v1/llm/jobs/{_JOB_ID}"),
    headers=("Location", "Retry-After"),
)
_KEY = StoredKey("openrouter", "sk-or-...wxyz", "2026-11-20T08:00:00Z")

GENERATION = About(
    "Draw pictures from a prompt",
    "The call waits until the pictures are drawn. A wait that runs out is answered by 504: the job goes on, and is fetched by its "
    "id or by repeating the idempotency key. Where some of `n` pictures fail, the rest are answered and charged.",
    requests={
        "a unicorn": GenerationRequest(
            prompt="A majestic unicorn in a magical forest", model="dall-e-3", size="1024x1024", quality="standard"
        ),
        "two, in base64": GenerationRequest(
            prompt="A quiet harbour", model="stable-diffusion-xl", n=2, size="512x512", response_format="b64_json"
        ),
    },
    answers=(_PICTURES, about.STREAM, _PRICE, _STANDING),
)
EDIT = About(
    "Change pictures by a prompt",
    "As a form, with a file `image` and perhaps a `mask`, or as JSON that names them by address or id; by dall-e-2 where no model "
    "is named. Where the mask is transparent is repainted.",
    requests={"by an address": about.EDIT, "by ids, with a mask": about.EDIT_MASKED},
    answers=(_PICTURES, about.STREAM, _PRICE, _STANDING),
    reasons=about.INPUT_REASONS,
    form=EditForm,
)
VARIATION = About(
    "Vary a picture",
    "The picture is drawn anew from itself, by dall-e-2 where no model is named.",
    requests={"two": about.VARIATION},
    answers=(_PICTURES, _PRICE, _STANDING),
    reasons=about.INPUT_REASONS,
    form=VariationForm,
)
JOB = About(
    "Fetch a job",
    "A finished job is answered exactly as its call would have been: with its pictures, or with its error and status.",
    answers=(_PICTURES, _STANDING),
    parameters=(Parameter("id", "path", "The id of one of your jobs, of whatever dialect.", str, _JOB_ID),),
)
CREDITS = About(
    "Show the balance",
    answers=(Answer(200, "The balance.", Credits, Credits(9960.0, "pro", MonthlyUsage(40.0, 1), 0.001)),),
)
_MODEL = ModelObject("dall-e-3", "model", 1_699_228_800, "openai", "active", 40.0, list(SIZES["dall-e-3"]))
MODELS = About(
    "List the models",
    "Every model that is sold here. One that no provider serves now is listed too; a request for it is answered by 503.",
    answers=(Answer(200, "The models.", ModelList, ModelList("list", [_MODEL])),),
)
MODEL = About(
    "Look up a model",
    answers=(Answer(200, "The model.", ModelObject, _MODEL),),
    parameters=(Parameter("id", "path", "The model's name.", str, "dall-e-3"),),
    reasons=(pb.REASON_NOT_FOUND,),
)
_FREE = Answer(200, "With `dry_run=true`: it costs nothing.", DryRun, DryRun(True, 0, 0.0))
PUT_KEY = About(
    "Store a provider key of your own",
    "In the place of the one that stands there. From then on that provider draws with your key, and nothing is charged here.",
    requests={"OpenRouter": KeyRequest(provider="openrouter", api_key="sk-or-v1-0123456789abcdefwxyz")},
    answers=(Answer(201, "The key, masked.", StoredKey, _KEY, headers=(REPLAYED,)), _FREE),
    reasons=(pb.REASON_IDEMPOTENCY_MISMATCH,),
)
KEYS = About(
    "List your provider keys",
    answers=(Answer(200, "The keys, masked.", StoredKeys, StoredKeys([_KEY])),),
)
DELETE_KEY = About(
    "Forget a provider key of your own",
    "No picture is ordered with it any more.",
    answers=(Answer(200, "It is forgotten.", DeletedKey, DeletedKey("openrouter", True)),),
    parameters=(Parameter("provider", "path", "Whose key.", str, "openrouter"),),
    reasons=(pb.REASON_NOT_FOUND,),
)
