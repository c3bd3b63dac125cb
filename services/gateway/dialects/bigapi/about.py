"""What the routes of this API say about themselves."""

from typing import Literal

from gateway.about import About, Answer, Parameter
from gateway.asked import REPLAYED
from gateway.dialects.bigapi.answers import AcceptedJob, JobAnswer, JobList, JobSummary, Result
from gateway.dialects.bigapi.dashboard import Activity, ProviderRow, Stats, Usage, UsageRow
from gateway.dialects.bigapi.keys import ApiKey, ApiKeyList, CreateApiKey, Done, NewApiKey, RotateApiKey
from gateway.dialects.bigapi.listing import LIMIT_KIND
from gateway.dialects.bigapi.tasks import (
    Dalle,
    Flux,
    GptImage1,
    IdeogramV3,
    Imagen4,
    Imagen4Ultra,
    JobRequest,
    QwenImage,
    Seedream4,
)
from gateway.standing import DryRun
from gesso.errors.v1 import reason_pb2 as pb

TEXT = (
    "Bulk image generation: up to 100 pictures by 15 providers in one request, synchronously or not, with a dashboard of usage "
    "and credits. One task that fails leaves the others alone, and only the pictures that were made are charged."
)
_JOB_ID = "job_01JZX4T7Q2M5V8N3B6C9D0E1F2"
_LINK = "http://127.0.0.1:8081/i/img_01JZX4T7QAM5V8N3B6C9D0E1F3.png?e=1753600000&s=9pJq"
_PROMPT = "A beautiful sunset over the ocean"
_FINISHED = Answer(
    200,
    "The finished job.",
    JobAnswer,
    JobAnswer(
        message="Job completed with errors",
        total_tasks=2,
        successful=1,
        failed=1,
        credits_used=10,
        credits_remaining=9990,
        results=[
            Result(prompt=_PROMPT, provider="dalle", status="Success", imageUrl=_LINK),
            Result(prompt=_PROMPT, provider="imagen-4", status="Failed", error="The upstream refused the prompt."),
        ],
    ),
)
_RUNNING = Answer(
    200,
    "A job that runs.",
    JobAnswer,
    JobAnswer(
        message="Job running",
        total_tasks=1,
        successful=0,
        failed=0,
        credits_used=0,
        credits_remaining=9990,
        results=[Result(prompt=_PROMPT, provider="dalle", status="Running")],
    ),
)
_CANCELLED = Answer(200, "The job as it stands: what had started goes on.", JobAnswer, _RUNNING.example)
_PRICE = Answer(200, "With `dry_run=true`: the highest price.", DryRun, DryRun(True, 10, 0.05))
_ACCEPTED = Answer(
    202,
    "The job is accepted: ask for it at `status_url`.",
    AcceptedJob,
    AcceptedJob("Job accepted", _JOB_ID, f"http://127.0.0.1:8080/v1/jobs/{_JOB_ID}", 1),
    headers=("Location", "Retry-After"),
)
_ID = Parameter("id", "path", "The id of one of your jobs, of whatever dialect.", str, _JOB_ID)

CREATE = About(
    "Draw pictures",
    "One picture for each task, in the order of the tasks. The call waits until they are drawn; with `async` or "
    "`Prefer: respond-async`, and where the wait runs out, it is answered by 202, and the job goes on. A task that is wrong fails "
    "the whole request before anything runs; one that fails later fails alone.",
    requests={
        "one picture": JobRequest([Dalle(prompt=_PROMPT, size="1024x1024")]),
        "two providers": JobRequest(
            [
                Dalle(prompt="A serene mountain landscape", size="1024x1024"),
                Imagen4(prompt="Futuristic cityscape at night", aspect_ratio="16:9"),
            ]
        ),
        "every provider's own parameters": JobRequest(
            [
                Imagen4Ultra(
                    prompt="Professional portrait photography, studio lighting",
                    aspect_ratio="1:1",
                    image_size="2K",
                    person_generation="allow_adult",
                ),
                Seedream4(
                    prompt="A trendy restaurant with digital menu board",
                    image_size="auto_2K",
                    enhance_prompt_mode="standard",
                ),
                IdeogramV3(
                    prompt="Vintage travel poster of Paris",
                    style="REALISTIC",
                    style_preset="TRAVEL_POSTER",
                    rendering_speed="BALANCED",
                ),
                Flux(prompt="Abstract geometric art, vibrant colors", aspect_ratio="16:9"),
                QwenImage(
                    prompt="Mount Fuji with cherry blossoms",
                    image_size="landscape_4_3",
                    guidance_scale=2.5,
                    acceleration="regular",
                    negative_prompt="blurry, low quality",
                ),
            ]
        ),
        "with a key of your own": JobRequest(
            [
                GptImage1(
                    prompt="Cyberpunk cityscape at twilight",
                    image_size="1024x1024",
                    quality="high",
                    background="transparent",
                    openai_api_key="sk-...",
                )
            ]
        ),
    },
    answers=(_FINISHED, _PRICE, _ACCEPTED),
    reasons=(pb.REASON_PROVIDER_KEY_REQUIRED,),
)
JOBS = About(
    "List your jobs",
    "Those of this API, newest first.",
    answers=(
        Answer(
            200,
            "A page.",
            JobList,
            JobList(
                [JobSummary(_JOB_ID, "Job completed successfully", 1, 1, 0, 10, "2025-01-20T13:02:11Z")],
                next_cursor=_JOB_ID,
            ),
        ),
    ),
    parameters=(
        Parameter("limit", "query", "How many jobs; 20 where it is absent.", LIMIT_KIND, 20),
        Parameter("cursor", "query", "The `next_cursor` of the page before.", str),
    ),
    reasons=(pb.REASON_INVALID_FIELD,),
)
JOB = About(
    "Fetch a job",
    "While it runs, in the shape of the finished answer. One that was refused as a whole is answered by its error.",
    answers=(_FINISHED, _RUNNING),
    parameters=(_ID,),
)
CANCEL = About(
    "Cancel a job", "Ends what has not started, which costs nothing.", answers=(_CANCELLED,), parameters=(_ID,)
)
STATS = About(
    "Your figures of all time",
    answers=(
        Answer(
            200,
            "The figures.",
            Stats,
            Stats(
                credits_remaining=9990,
                total_api_calls=45,
                total_images_generated=150,
                total_credits_used=450,
                success_rate=98.5,
                provider_usage={"dalle": 20, "imagen-4": 15, "flux-kontext": 10},
                recent_activity=[
                    Activity(f"{_JOB_ID}/0", "dalle", _PROMPT, "Success", 10, "2025-01-20T13:02:11Z"),
                ],
            ),
        ),
    ),
)
USAGE = About(
    "Your figures of a period",
    "Every UTC day of it has a row, today's last; `24h` has a row for each hour.",
    answers=(
        Answer(
            200,
            "The figures.",
            Usage,
            Usage("7d", 45, 450, [UsageRow("2025-01-20", 10, 100)], [ProviderRow("dalle", 20, 200)]),
        ),
    ),
    parameters=(
        Parameter("period", "query", "The period; 7d where it is absent.", Literal["24h", "7d", "30d", "90d"], "7d"),
    ),
    reasons=(pb.REASON_INVALID_FIELD,),
)
_KEY_ID = Parameter("id", "path", "The key's id as it is listed, or the platform's own.", str, "key_001")
_NEW_KEY = NewApiKey("key_002", "Production Key", "big_live_4JkQ8sXcV1bN6mWzR3tYpL9aHgF2dS7uE0iOxKq5", "2025-01-15")
KEYS = About(
    "List your API keys",
    answers=(
        Answer(
            200,
            "The keys.",
            ApiKeyList,
            ApiKeyList([ApiKey("key_001", "Production Key", "big_live_abc...xyz", "2025-01-15", "2 hours ago", 1234)]),
        ),
    ),
)
_MAKING = (pb.REASON_IDEMPOTENCY_MISMATCH, pb.REASON_CONFLICT)
_FREE = Answer(200, "With `dry_run=true`: it costs nothing.", DryRun, DryRun(True, 0, 0.0))
CREATE_KEY = About(
    "Create an API key",
    "The whole key stands in this answer alone. It works in every API of this platform.",
    requests={"a key": CreateApiKey("Production Key")},
    answers=(Answer(201, "The new key.", NewApiKey, _NEW_KEY, headers=(REPLAYED,)), _FREE),
    reasons=_MAKING,
)
ROTATE_KEY = About(
    "Give an API key a new secret",
    "It keeps its id and name. The old secret works until the overlap is over.",
    requests={"within an hour": RotateApiKey(3_600)},
    answers=(Answer(200, "The key with its new secret.", NewApiKey, _NEW_KEY, headers=(REPLAYED,)), _FREE),
    parameters=(_KEY_ID,),
    reasons=(pb.REASON_NOT_FOUND, *_MAKING),
)
REVOKE_KEY = About(
    "Revoke an API key",
    "It stops working within five seconds; a repeat changes nothing.",
    answers=(Answer(200, "It is revoked.", Done, Done("API key key_001 was revoked.")),),
    parameters=(_KEY_ID,),
    reasons=(pb.REASON_NOT_FOUND,),
)
