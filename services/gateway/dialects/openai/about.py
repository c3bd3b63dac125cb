"""What the routes of the OpenAI dialect say about themselves."""

from gateway.about import About, Answer, Parameter
from gateway.dialects.openai.answers import ModelList, ModelObject
from gateway.openai_images import about
from gateway.openai_images.answers import Image, ImagesResponse
from gateway.openai_images.requests import EditForm, GenerationRequest, VariationForm
from gateway.standing import DryRun, StandingJob
from gesso.errors.v1 import reason_pb2 as pb

TEXT = (
    "OpenAI's image API: its official SDKs work unchanged with this base address and a key of this platform. "
    "Pictures are answered by link or in base64, whatever the model."
)

_JOB_ID = "job_01JZX4T7Q2M5V8N3B6C9D0E1F2"
_LINK = "http://127.0.0.1:8081/i/img_01JZX4T7QAM5V8N3B6C9D0E1F3.png?e=1753000000&s=9pJq"
_PICTURES = Answer(
    200,
    "The pictures.",
    ImagesResponse,
    ImagesResponse(
        created=1_753_000_000,
        output_format="png",
        quality="standard",
        size="1024x1024",
        data=[Image(url=_LINK, revised_prompt="A red fox under a full moon, watercolor")],
    ),
)
_PRICE = Answer(200, "With `dry_run=true`: the highest price.", DryRun, DryRun(True, 0.04, 0.04))
_STANDING = Answer(
    202,
    "The job has not ended: ask again at `status_url`.",
    StandingJob,
    StandingJob(_JOB_ID, "queued", f"http://127.0.0.1:8080/v1/images/jobs/{_JOB_ID}"),
    headers=("Location", "Retry-After"),
)
_MODEL = ModelObject("dall-e-3", "model", 1_698_278_400, "openai", "active")

GENERATION = About(
    "Draw pictures from a prompt",
    "The call waits until the pictures are drawn. A wait that runs out is answered by 504, and one with "
    "`Prefer: respond-async` at once by 202: the job goes on, and is fetched by its id or by repeating the idempotency key.",
    requests={
        "one picture": GenerationRequest(
            prompt="A red fox under a full moon, watercolor", model="dall-e-3", size="1024x1024"
        ),
        "two, in base64": GenerationRequest(
            prompt="An isometric harbour at dusk",
            model="gpt-image-1",
            n=2,
            quality="medium",
            response_format="b64_json",
        ),
        "a stream": about.STREAMED,
    },
    answers=(_PICTURES, about.STREAM, _PRICE, _STANDING),
)
EDIT = About(
    "Change pictures by a prompt",
    "As a form, with up to 16 files `image` or `image[]` and perhaps a `mask`, or as JSON that names them by address or id. "
    "Where the mask is transparent is repainted.",
    requests={"by an address": about.EDIT, "by ids, with a mask": about.EDIT_MASKED},
    answers=(_PICTURES, about.STREAM, _PRICE, _STANDING),
    reasons=about.INPUT_REASONS,
    form=EditForm,
)
VARIATION = About(
    "Vary a picture",
    "The picture is drawn anew from itself, by a model that draws from pictures: the default one, or dall-e-2 for the sizes that "
    "it alone has.",
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
MODELS = About(
    "List the models",
    "Every model that draws. One that no provider serves now is listed too; a request for it is answered by 503.",
    answers=(Answer(200, "The models.", ModelList, ModelList("list", [_MODEL])),),
)
MODEL = About(
    "Look up a model",
    answers=(Answer(200, "The model.", ModelObject, _MODEL),),
    parameters=(Parameter("id", "path", "The model's name; a slash in it is written `%2F`.", str, "dall-e-3"),),
    reasons=(pb.REASON_UNKNOWN_MODEL,),
)
