"""What the routes of the PixelDojo dialect say about themselves."""

from gateway.about import About, Answer, Parameter
from gateway.dialects.pixeldojo.answers import FluxResponse
from gateway.dialects.pixeldojo.requests import FluxRequest
from gateway.standing import DryRun, StandingJob
from gesso.errors.v1 import reason_pb2 as pb

TEXT = (
    "PixelDojo's FLUX API: four models, one of them with a LoRA of your own. Links work for 24 hours, then the files are "
    "deleted. It needs an active subscription."
)
_JOB_ID = "job_01JZX4T7Q2M5V8N3B6C9D0E1F2"
_LINK = "http://127.0.0.1:8081/pixeldojotemp/1753000000000-9f86d081884c7d659a2feaa0c55ad015-0.png"
_PICTURES = Answer(200, "The pictures.", FluxResponse, FluxResponse([_LINK], 1, 99))
_PRICE = Answer(200, "With `dry_run=true`: the highest price.", DryRun, DryRun(True, 1, 0.04))
_STANDING = Answer(
    202,
    "The job has not ended: ask again at `status_url`.",
    StandingJob,
    StandingJob(_JOB_ID, "queued", f"http://127.0.0.1:8080/api/v1/jobs/{_JOB_ID}"),
    headers=("Location", "Retry-After"),
)

FLUX = About(
    "Draw pictures with FLUX",
    "The call waits until the pictures are drawn; a wait that runs out is answered by 202, and the job goes on.",
    requests={
        "a landscape": FluxRequest(
            prompt="A beautiful landscape with mountains and a lake",
            model="flux-pro",
            aspect_ratio="16:9",
            num_outputs=1,
        ),
        "with a LoRA": FluxRequest(
            prompt="A beautiful sunset over a mountain landscape, highly detailed",
            model="flux-dev-single-lora",
            lora_weights="https://huggingface.co/mylora.safetensors",
            lora_scale=0.7,
            aspect_ratio="16:9",
            output_format="png",
            output_quality=100,
            num_outputs=1,
            seed=42,
            num_inference_steps=28,
            guidance_scale=3.5,
            megapixels="1",
            go_fast=False,
        ),
    },
    answers=(_PICTURES, _PRICE, _STANDING),
    reasons=(pb.REASON_SUBSCRIPTION_REQUIRED,),
)
JOB = About(
    "Fetch a job",
    "A finished job is answered exactly as its call would have been: with its pictures, or with its error and status.",
    answers=(_PICTURES, _STANDING),
    parameters=(Parameter("id", "path", "The id of one of your jobs, of whatever dialect.", str, _JOB_ID),),
)
