"""What an account prefers: what holds where a request leaves it open, and how it is shown and changed.

Source: imagegen-v2.md, "User Profile"; contract.md, "imagegen", Account: `PATCH` sets preferences, which take effect.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.dialects.imagegen.requests import LEAST_SIDE, MOST_SIDE, SIDE_STEP
from gesso.billing.v1 import billing_pb2
from gesso.generator.v1.generator_pb2 import Model
from servicekit.faults import InvalidField

DEFAULT_MODEL = "stable-diffusion-xl"
DEFAULT_SIZE = "1024x1024"

_MODEL = Meta(description="The model of a request that names none.")
_SIZE = Meta(description="The size of pictures from a text whose request names none.")
_NSFW = Meta(description="False relaxes those rules for prompts that the operator lets an account relax.")
_SAVE = Meta(description="With false, pictures are deleted after a day, with their links.")
_Size = Annotated[str, Meta(pattern=r"^[1-9]\d{1,3}x[1-9]\d{1,3}$", examples=["1024x1024"])]


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, as they hold."""

    default_model: Annotated[str, _MODEL]
    default_size: Annotated[str, _SIZE]
    nsfw_filter: Annotated[bool, _NSFW]
    auto_save_gallery: Annotated[bool, _SAVE]


class Wishes(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Those to change; the others stay."""

    default_model: Annotated[Annotated[str, Meta(min_length=1, max_length=200)] | None, _MODEL] = None
    default_size: Annotated[_Size | None, _SIZE] = None
    nsfw_filter: Annotated[bool | None, _NSFW] = None
    auto_save_gallery: Annotated[bool | None, _SAVE] = None


class PreferencesChange(Wishes, frozen=True, omit_defaults=True, kw_only=True):
    """Preferences to change, under `preferences` or at the top; what stands under `preferences` goes first."""

    preferences: Wishes | None = None


def shown(set_ones: billing_pb2.Preferences) -> Preferences:
    """What holds: what the account has set, else the platform's."""
    return Preferences(
        default_model=set_ones.default_model or DEFAULT_MODEL,
        default_size=set_ones.default_size or DEFAULT_SIZE,
        nsfw_filter=set_ones.nsfw_filter if set_ones.HasField("nsfw_filter") else True,
        auto_save_gallery=set_ones.auto_save_gallery if set_ones.HasField("auto_save_gallery") else True,
    )


def wanted(change: PreferencesChange, models: Sequence[Model]) -> billing_pb2.Preferences:
    """What is to be set. Raises InvalidField for a model that does not draw here, and for a size out of bounds."""
    nested = change.preferences or Wishes()
    found = billing_pb2.Preferences()
    for name in Wishes.__struct_fields__:
        value, field = getattr(nested, name), f"preferences.{name}"
        if value is None:
            value, field = getattr(change, name), name
        if value is None:
            continue
        if name == "default_model" and all(model.id != value for model in models):
            raise InvalidField(field, f"`{field}` must be a model of `GET /api/v2/models`; there is no {value!r}.")
        if name == "default_size":
            _check_size(field, value)
        setattr(found, name, value)
    return found


def _check_size(field: str, size: str) -> None:
    if any(int(side) % SIDE_STEP or not LEAST_SIDE <= int(side) <= MOST_SIDE for side in size.split("x")):
        raise InvalidField(
            field, f"The sides of `{field}` must be multiples of {SIDE_STEP} from {LEAST_SIDE} to {MOST_SIDE}."
        )
