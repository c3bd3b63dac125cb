"""What the routes of the ProductAI dialect say about themselves."""

from gateway.about import About, Answer, Parameter, Scheme
from gateway.asked import REPLAYED
from gateway.dialects.productai.answers import (
    Deleted,
    DeletedBody,
    JobBody,
    JobData,
    KeyBody,
    KeyData,
    Model,
    ModelBody,
    ModelsBody,
)
from gateway.dialects.productai.requests import CustomModelRequest, CustomRequest, GenerateRequest, UpscaleRequest
from gateway.standing import DryRun
from gesso.errors.v1 import reason_pb2 as pb

TEXT = (
    "ProductAI's API: pictures of products, changed by a prompt, enlarged, or drawn by models of one's own. Every call is answered "
    "at once with a job, which is asked for until it is COMPLETED or ERROR. Tokens are taken when a job starts."
)
X_API_KEY = Scheme(
    "x-api-key",
    {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The API key."},
    "x-api-key",
)
_PHOTO = "https://example.com/photo.jpg"
_PROMPT = "Make the background a sunset beach"
_LINK = "http://127.0.0.1:8081/i/img_01JZX4T7QAM5V8N3B6C9D0E1F3.png?e=1753000000&s=9pJq"
_RUNNING = Answer(200, "The job.", JobBody, JobBody("OK", JobData(12345, "RUNNING", prompt=_PROMPT)))
_PRICE = Answer(200, "With `dry_run=true`: the price.", DryRun, DryRun(True, 8, 0.24))
_INPUT = (pb.REASON_INPUT_UNREACHABLE, pb.REASON_INPUT_NOT_AN_IMAGE)
_MODEL = Model("custom-owesa-avatars", "fal", "flux-dev-single-lora", "owner/avatars", "OWESA", "2026-11-20T08:00:00Z")
_NAME = Parameter("name", "path", "The model's name.", str, "custom-owesa-avatars")

GENERATE = About(
    "Change a picture by a prompt",
    requests={
        "one picture": GenerateRequest(_PHOTO, _PROMPT, "nanobananapro", "png", "LANDSCAPE", "2K"),
        "two pictures": GenerateRequest(
            ["https://example.com/product1.jpg", "https://example.com/product2.jpg"],
            "Place the first product on top of the second product",
            "nanobanana",
            "png",
        ),
    },
    answers=(_RUNNING, _PRICE),
    reasons=_INPUT,
)
UPSCALE = About(
    "Enlarge a picture",
    requests={"a picture": UpscaleRequest(_PHOTO)},
    answers=(Answer(200, "The job.", JobBody, JobBody("OK", JobData(67890, "RUNNING"))), _PRICE),
    reasons=_INPUT,
)
CUSTOM = About(
    "Change a picture by a model of one's own",
    requests={"a picture": CustomRequest(_PHOTO, "Transform into brand style", "custom-owesa-avatars")},
    answers=(_RUNNING, _PRICE),
    reasons=_INPUT,
)
JOB = About(
    "Ask for a job",
    "A job can be read for 30 days. This path counts against no limit.",
    answers=(
        _RUNNING,
        Answer(
            200, "Its picture.", JobBody, JobBody("OK", JobData(12345, "COMPLETED", prompt=_PROMPT, image_url=_LINK))
        ),
        Answer(
            200,
            "Its failure.",
            JobBody,
            JobBody("OK", JobData(12345, "ERROR", prompt=_PROMPT, error="The upstream failed.")),
        ),
    ),
    parameters=(Parameter("id", "path", "The id of one of your jobs, of whatever dialect.", str, "12345"),),
)
KEY = About(
    "Check a key",
    answers=(Answer(200, "The key works.", KeyBody, KeyBody("OK", KeyData(True, 1250, "standard"))),),
)
_FREE = Answer(200, "With `dry_run=true`: it costs nothing.", DryRun, DryRun(True, 0, 0.0))
CREATE_MODEL = About(
    "Register a model of one's own",
    requests={
        "a LoRA": CustomModelRequest(
            "custom-owesa-avatars", "fal", "flux-dev-single-lora", "owner/avatars", trigger_word="OWESA"
        )
    },
    answers=(Answer(200, "The model.", ModelBody, ModelBody("OK", _MODEL), headers=(REPLAYED,)), _FREE),
    reasons=(pb.REASON_CONFLICT, pb.REASON_IDEMPOTENCY_MISMATCH, pb.REASON_UNKNOWN_MODEL),
)
MODELS = About("List one's own models", answers=(Answer(200, "The models.", ModelsBody, ModelsBody("OK", [_MODEL])),))
DELETE_MODEL = About(
    "Delete a model of one's own",
    answers=(Answer(200, "It is gone.", DeletedBody, DeletedBody("OK", Deleted("custom-owesa-avatars", True))),),
    parameters=(_NAME,),
    reasons=(pb.REASON_NOT_FOUND,),
)
