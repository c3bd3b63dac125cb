"""What the catalogue knows: public models, their routes and prices, price books and providers, as frozen values.

These are the forms of the tables in catalog/*.toml, field for field; catalogue_files.py reads them, CONTRIBUTING.md explains them.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1.generator_pb2 import Operation

OperationName = Literal["text-to-image", "image-to-image", "inpaint", "upscale", "remove-background", "filter"]
OPERATIONS: Mapping[OperationName, Operation.ValueType] = {
    "text-to-image": pb.OPERATION_TEXT_TO_IMAGE,
    "image-to-image": pb.OPERATION_IMAGE_TO_IMAGE,
    "inpaint": pb.OPERATION_INPAINT,
    "upscale": pb.OPERATION_UPSCALE,
    "remove-background": pb.OPERATION_REMOVE_BACKGROUND,
    "filter": pb.OPERATION_FILTER,
}
OPERATION_NAMES = {value: name for name, value in OPERATIONS.items()}
AUTO_SIZE = "auto"
"""In a list of sizes: the model's own choice."""
OWN_MODEL_PREFIX = "custom-"
"""Begins the names of accounts' own models."""
OWN_MODELS = "custom"
"""The entry with what they all share: prices and bounds."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._/-]{0,99}$")]
Positive = Annotated[int, msgspec.Meta(ge=1)]
SizeText = Annotated[str, msgspec.Meta(pattern=r"^([1-9][0-9]{0,4}x[1-9][0-9]{0,4}|auto)$")]
AreaText = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$")]


class PriceRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The price of one picture in one price book, for the draws that it covers. The first rule that covers a draw is its price.

    Exactly one of `credits` (of the dialect) and `usd` stands. An absent condition covers everything.
    """

    dialect: Name
    credits: Decimal | None = None
    usd: Decimal | None = None
    qualities: tuple[str, ...] = ()
    operations: tuple[OperationName, ...] = ()
    sizes: tuple[SizeText, ...] = ()
    """Exactly these."""
    up_to: AreaText = ""
    """Sizes with no more pixels than this one; never the model's own choice of size."""


class ModelRoute(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way to serve a model: a provider and the vendor's name of the model that draws."""

    provider: Name
    upstream_model: str
    native_count: Positive = 1
    """Pictures that one order may ask for; the worker fans out above it."""
    operations: tuple[OperationName, ...] = ()
    """Those that this route can do; empty for all of the model's."""
    qualities: Mapping[str, str] = msgspec.field(default_factory=dict)
    """What the upstream is asked for, by the quality that was asked of us; a quality not named goes through as it is."""
    options: Mapping[str, str] = msgspec.field(default_factory=dict)
    """For the provider, under the names that its file documents."""
    until: date | None = None
    """The day from which the vendor no longer serves it."""
    makeshift: bool = False
    """Whether it serves only where none of the model's other routes is configured: it never takes the place of one that fails."""


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a parameter of the vendor's may be, for display: what is asked for is the provider's to check."""

    min: float
    max: float
    default: float

    def __post_init__(self) -> None:
        """Raise ValueError, which the reader of the files names with its place."""
        if not self.min <= self.default <= self.max:
            raise ValueError("the default must lie within the range")


class PublicModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One public model: what it can do, what it takes, what it costs and who draws it."""

    id: Name
    name: str
    owner: Name
    description: str = ""
    version: str = ""
    """As the vendor counts."""
    features: tuple[str, ...] = ()
    """What it is known for."""
    operations: Annotated[tuple[OperationName, ...], msgspec.Meta(min_length=1)]
    released: date
    verified: date
    """When these data were last checked against the vendor."""
    deprecated: date | None = None
    sunset: date | None = None
    max_n: Annotated[int, msgspec.Meta(ge=1, le=10)] = 10
    max_prompt_characters: Positive = 32_000
    qualities: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("auto", "standard")
    """The first is the default."""
    sizes: tuple[AreaText, ...] = ()
    """Exactly these, in the dialects that do not resize; empty for any size within the sides and the prices."""
    native_sizes: tuple[AreaText, ...] = ()
    """Those that it was made for, where it takes others too."""
    default_size: SizeText = AUTO_SIZE
    min_side: Positive = 64
    max_side: Positive = 4096
    max_ratio: Annotated[int, msgspec.Meta(ge=1)] = 64
    """Longer side over shorter side."""
    side_step: Positive = 1
    """Both sides are multiples of this, in the dialects that do not resize; so also `max_area`."""
    max_area: AreaText | Literal[""] = ""
    """No more pixels than this size has; empty for as many as the sides allow."""
    steps: Range | None = None
    """Of inference; None where it has no such parameter, or its bounds are not known. So also `guidance`."""
    guidance: Range | None = None
    schedulers: tuple[str, ...] = ()
    stand_in: bool = True
    """Whether the fallback engine may stand in where no provider is configured."""
    listed: bool = True
    """Whether it is a public model, to be shown and bought under this name."""
    routes: tuple[ModelRoute, ...] = ()
    weights_routes: tuple[ModelRoute, ...] = ()
    """Those that draw it with weights of an account's own (`lora_weights`); each names its operations."""
    prices: tuple[PriceRule, ...] = ()


class CostRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a vendor asks for one picture of the orders that it covers. The first rule that covers an order is its cost.

    Exactly one of `usd` (a picture) and `usd_per_megapixel` (each begun one, of 1024x1024) stands. An absent condition covers
    everything.
    """

    usd: Decimal | None = None
    usd_per_megapixel: Decimal | None = None
    qualities: tuple[str, ...] = ()
    """As the upstream is asked for them."""
    sizes: tuple[SizeText, ...] = ()
    """Exactly these."""
    up_to: AreaText = ""
    """Sizes with no more pixels than this one; never the model's own choice of size."""


class UpstreamCost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What upstream models cost the platform: the vendor's own price, for where it does not say what it charged."""

    upstreams: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """A provider and its name of the model, as `fal/fal-ai/flux/dev`."""
    verified: date
    """When this was last looked up."""
    estimate: bool = False
    """Whether the vendor publishes no such price, or none that could be read: then it is a guess."""
    prices: Annotated[tuple[CostRule, ...], msgspec.Meta(min_length=1)]
    usage: Mapping[str, Decimal] = msgspec.field(default_factory=dict)
    """US dollars for `usage_per` units of a number that the vendor measures, by its dotted path in the usage that it reports."""
    usage_per: Positive = 1


class PriceBook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a dialect counts money. A price is rounded up to a multiple of `step_micros`, after the markup."""

    name: Name
    credit_micros: Positive
    markup: bool = False
    """Whether the plan's markup is added."""
    step_micros: Positive = 1
    derived_from: str = ""
    """The price book whose prices hold for models that this one does not list; empty for none."""
    own_key_free: bool = False
    """Whether a draw that goes by its account's stored provider keys costs nothing."""
    resizes: bool = False
    """Whether any size is taken, since results are resized to what was asked."""
    white_masks: bool = False
    """Whether a mask with transparency marks by what is seen white in it, and not by the transparency itself."""


class ProviderLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One vendor or engine: how many orders run there at once, and how much it is preferred."""

    name: Name
    title: str
    concurrency: Positive = 16
    """Orders of one key that are sent there at once; at a vendor that answers with the picture, those that it draws."""
    in_flight: Positive | None = None
    """Jobs of one key that a vendor with a queue may have at once; None for any number."""
    unknown_outcome: Literal["ask", "fail"] = "ask"
    """What becomes of an order of which nobody knows whether it was bought: the vendor is asked, where its plugin can; or it fails.
    """
    weight: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    takes_keys: bool = True
    """Whether accounts may store keys of their own for it."""
    seeds_each: bool = False
    """Whether picture i of an order is drawn with the order's seed + i, or no seed means anything to it: what has a seed is else
    ordered one by one."""
    one_seed: bool = False
    """Whether it tells one seed for all pictures of an order, by which none could be drawn again: where each one's is to be known
    they are ordered one by one."""


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """The whole content of the catalogue's files, each by its name."""

    models: Mapping[str, PublicModel]
    books: Mapping[str, PriceBook]
    providers: Mapping[str, ProviderLimits]
    costs: Mapping[str, UpstreamCost] = msgspec.field(default_factory=dict)
    """By provider and upstream model, as `fal/fal-ai/flux/dev`."""
