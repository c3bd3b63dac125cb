"""Each reason for which a request can fail, in words for people: what it means, and what to do about it.

Complete: a test says so. Source: protos/gesso/errors/v1/reason.proto and contract.md, "Common to all dialects".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.faults import Fault

_AGAIN = "Send it again after the seconds of `Retry-After`, with the same `Idempotency-Key`."
_ASK = "Ask the operator of this platform."
_FREE = "Nothing was charged."


@dataclass(frozen=True, slots=True)
class Explained:
    """A reason in words. `details` are particulars as a fault bears them; `passes` where time alone may mend it."""

    title: str
    meaning: str
    remedy: str
    details: Mapping[str, str] = field(default_factory=dict)
    passes: bool = False

    def example(self, reason: Reason.ValueType) -> Fault:
        """A fault for this reason."""
        return Fault(reason, self.meaning, details=self.details, retry_after_seconds=1.0 if self.passes else None)


_PROMPT = {"field": "prompt"}
_MODEL = {"model": "dall-e-3"}
_PROVIDER = {"provider": "openai"}

EXPLAINED: Mapping[Reason.ValueType, Explained] = {
    pb.REASON_INVALID_FIELD: Explained(
        "A field is wrong",
        "A field of the request has a wrong type, range or value.",
        "The message names the field and says what it takes: mend it and send the request again.",
        _PROMPT,
    ),
    pb.REASON_CONTENT_REFUSED: Explained(
        "The content is refused",
        "The prompt was refused for its content by this platform's rules.",
        f"Word the prompt otherwise; the message says what stood in the way. {_FREE}",
        _PROMPT,
    ),
    pb.REASON_UNKNOWN_MODEL: Explained(
        "There is no such model",
        "No model of this name exists in the catalogue.",
        "Look the name up in the list of models: `GET /v1/models`.",
        _MODEL,
    ),
    pb.REASON_UNPRICED: Explained(
        "The combination has no price",
        "No price covers this combination of model, size and quality, and nothing is run without a price.",
        "Choose a size and a quality that the model offers.",
        _MODEL,
    ),
    pb.REASON_INPUT_UNREACHABLE: Explained(
        "An input cannot be fetched",
        "An input picture could not be fetched from its address.",
        "Check that the address is public, begins with https and answers with the picture itself.",
        {"field": "image"},
    ),
    pb.REASON_INPUT_NOT_AN_IMAGE: Explained(
        "An input is no picture",
        "An input is no picture that this platform takes, or exceeds its limits.",
        "Send a PNG, JPEG or WebP file of at most 25 MB and 64 megapixels.",
        {"field": "image"},
    ),
    pb.REASON_NOT_FOUND: Explained(
        "There is no such thing",
        "Nothing of yours has this id.",
        "Check the id, and that the key belongs to the account which made the thing.",
    ),
    pb.REASON_CONFLICT: Explained(
        "Its state does not allow it",
        "The state of the thing does not allow the operation.",
        "Fetch the thing to see its state; what has ended cannot be cancelled any more.",
    ),
    pb.REASON_IDEMPOTENCY_MISMATCH: Explained(
        "The idempotency key is taken",
        "The `Idempotency-Key` was used for another request within the last 24 hours.",
        "Use a new key for each new request, and the same key only to repeat the very same one.",
    ),
    pb.REASON_IDEMPOTENCY_RUNNING: Explained(
        "The first request still runs",
        "The first request with this `Idempotency-Key` is still running.",
        "Repeat it after the seconds of `Retry-After` to get the first one's answer.",
        passes=True,
    ),
    pb.REASON_PAYLOAD_TOO_LARGE: Explained(
        "The body is too large",
        "The body is larger than this platform takes.",
        "Send less; hand pictures in by address rather than inside the body.",
    ),
    pb.REASON_UNSUPPORTED_MEDIA_TYPE: Explained(
        "The media type is not taken",
        "The body's media type or compression is not understood here.",
        "Send JSON with `Content-Type: application/json`, not compressed.",
    ),
    pb.REASON_METHOD_NOT_ALLOWED: Explained(
        "The path does not take this method",
        "The path exists, but takes other methods.",
        "Use one of the methods that the header `Allow` lists.",
        {"allow": "POST"},
    ),
    pb.REASON_UNKNOWN_PATH: Explained(
        "There is no such path",
        "Nothing is served at this path.",
        "Check the path and the base address of your program against the documentation.",
    ),
    pb.REASON_NOT_IMPLEMENTED: Explained(
        "Not served by this version",
        "The operation or parameter is part of the API, but this version does not serve it yet.",
        "Leave the parameter out, or use another operation.",
    ),
    pb.REASON_PROVIDER_KEY_REQUIRED: Explained(
        "An own provider key is needed",
        "The model is drawn only with the caller's own key of its provider.",
        "Send the provider's key with the request, or store it with your account.",
        {"field": "openai_api_key", **_PROVIDER},
    ),
    pb.REASON_CREDENTIAL_MISSING: Explained(
        "No API key was sent",
        "The request bears no API key.",
        "Send your key as the API's documentation shows, for example `Authorization: Bearer YOUR_KEY`.",
    ),
    pb.REASON_CREDENTIAL_INVALID: Explained(
        "The API key is not known",
        "The API key is unknown or ill-formed.",
        "Check that the whole key was copied, and that it is a key of this platform.",
    ),
    pb.REASON_KEY_REVOKED: Explained(
        "The API key is no longer valid",
        "The API key was revoked or has expired.",
        "Use a newer key of your account, or have one made.",
    ),
    pb.REASON_ACCOUNT_SUSPENDED: Explained(
        "The account is suspended", "The account may make no requests at the moment.", _ASK
    ),
    pb.REASON_ACCOUNT_CLOSED: Explained("The account is closed", "The account was closed.", _ASK),
    pb.REASON_FORBIDDEN: Explained(
        "The key may not do this", "The credential lacks the right to do this.", "Use a key or token with this right."
    ),
    pb.REASON_SUBSCRIPTION_REQUIRED: Explained(
        "A subscription is needed", "This API is open to accounts with an active subscription.", _ASK
    ),
    pb.REASON_INSUFFICIENT_FUNDS: Explained(
        "The balance is too low",
        "The available balance does not cover the highest price of the request.",
        f"Add credit, wait until running jobs give back what they do not use, or ask for less. {_FREE}",
        {"required_micros": "40000", "available_micros": "10000"},
    ),
    pb.REASON_BUDGET_EXCEEDED: Explained(
        "A budget is used up",
        "A budget of the account or the key does not cover the highest price of the request.",
        f"Raise the budget, or wait for its next day or month. {_FREE}",
    ),
    pb.REASON_STORAGE_EXCEEDED: Explained(
        "The storage is full",
        "The storage of the account's plan is full, so that a new picture could not be kept.",
        f"Delete pictures that you no longer need, or change the plan. {_FREE}",
    ),
    pb.REASON_CONCURRENCY_EXCEEDED: Explained(
        "Too many jobs at once",
        "As many jobs of this account run as its plan allows at once.",
        "Send the request again when one of them has ended.",
        passes=True,
    ),
    pb.REASON_RATE_LIMITED: Explained(
        "Too many requests",
        "The requests of this minute, hour or day are used up.",
        "Wait for the seconds of `Retry-After`, then send requests more slowly.",
        passes=True,
    ),
    pb.REASON_MODEL_UNAVAILABLE: Explained(
        "Nobody draws with this model now",
        "The model is known, but no provider of it is configured, or all of them fail at the moment.",
        f"Try again later, or use another model. {_FREE}",
        _MODEL,
        passes=True,
    ),
    pb.REASON_MAINTENANCE: Explained(
        "Maintenance", "The operator has paused purchases; finished jobs can still be fetched.", _AGAIN, passes=True
    ),
    pb.REASON_UNAVAILABLE: Explained(
        "A part of the platform is away",
        "A part of the platform cannot be reached at the moment.",
        f"{_AGAIN} `GET /status` says which part it is.",
        passes=True,
    ),
    pb.REASON_OVERLOADED: Explained(
        "Too much at once", "The platform is at a limit of its own, and has bought nothing.", _AGAIN, passes=True
    ),
    pb.REASON_TIMEOUT: Explained(
        "It took too long",
        "The deadline of the call passed. Its job, if it began, goes on.",
        "Fetch the job by the id in `X-Gesso-Job-Id`, or repeat the request with the same `Idempotency-Key`.",
    ),
    pb.REASON_INTERNAL: Explained(
        "An internal error",
        "The platform has a fault.",
        f"{_ASK} The `X-Request-ID` of the answer finds it in the logs.",
    ),
    pb.REASON_UPSTREAM_REFUSED: Explained(
        "The provider refused the content",
        "The provider of the model refused the prompt or the picture for its content.",
        f"Word the prompt otherwise: the same one would be refused again. {_FREE}",
        _PROVIDER,
    ),
    pb.REASON_UPSTREAM_FAILED: Explained(
        "The provider failed",
        "The provider of the model failed.",
        f"Try again, or use another model. {_FREE}",
        _PROVIDER,
        passes=True,
    ),
    pb.REASON_UPSTREAM_BAD_IMAGE: Explained(
        "The provider sent no usable picture",
        "What the provider answered is no usable picture.",
        f"Try again, or use another model. {_FREE}",
        _PROVIDER,
    ),
    pb.REASON_UPSTREAM_RATE_LIMITED: Explained(
        "The provider limits this platform",
        "The provider of the model takes no more requests of this platform at the moment.",
        f"Try again in a minute, or use another model. {_FREE}",
        _PROVIDER,
        passes=True,
    ),
    pb.REASON_UPSTREAM_DENIED: Explained(
        "The provider rejects the key",
        "The provider of the model rejects the key or quota with which it was asked.",
        f"If it is your own provider key, check it; otherwise ask the operator of this platform. {_FREE}",
        _PROVIDER,
    ),
    pb.REASON_UPSTREAM_INVALID: Explained(
        "The provider rejects a parameter",
        "The provider of the model rejects a parameter of the request.",
        f"Change the parameter that the message names. {_FREE}",
        {**_PROVIDER, "field": "size"},
    ),
    pb.REASON_OUTCOME_UNKNOWN: Explained(
        "The outcome is not known",
        "Whether the provider accepted the order cannot be known, so it is not placed again.",
        f"Send a new request if you still want the pictures. {_FREE}",
    ),
    pb.REASON_SECRET_LOST: Explained(
        "The provider key was lost on the way",
        "The process that held the request's own provider key ended before the order was placed.",
        f"Send the request again, with the key. {_FREE}",
    ),
    pb.REASON_CANCELLED: Explained(
        "The job was cancelled", "The job was cancelled by its owner.", "Send a new request if you want the pictures."
    ),
}
