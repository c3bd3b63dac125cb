"""An account's own model is a public model drawn with weights of its own: what one may be, and what it asks of the upstream.

Source: contract.md "productai", Custom models. Pure rules; the weights are checked by their form only, the vendor fetches them.
"""

import re
from urllib.parse import urlsplit

from generator.catalogue import Catalogue
from gesso.generator.v1.generator_pb2 import CustomModel, Draw
from servicekit.faults import Fault, InvalidField

MOST_PER_ACCOUNT = 500
_NAME = re.compile(r"custom-[A-Za-z0-9._-]{1,93}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VISIBLE = re.compile(r"[!-~]{1,2000}")
_LONGEST_TRIGGER = 100
_DEAREST_MICROS = 1_000_000_000


def check(model: CustomModel, catalogue: Catalogue) -> None:
    """Raise InvalidField naming what of a model cannot be: `name`, `provider`, `base_model`, `weights_url`, `trigger_word`,
    `price_micros`.
    """
    if not _NAME.fullmatch(model.name) or catalogue.has(model.name):
        raise InvalidField(
            "name", "The name must be custom- and 1 to 93 letters, digits, dots, hyphens or underscores."
        )
    if not catalogue.names_provider(model.provider):
        raise InvalidField("provider", f"There is no provider {model.provider!r}.")
    _check_base(model, catalogue)
    if not (_REPOSITORY.fullmatch(model.weights_url) or _is_weights_address(model.weights_url)):
        raise InvalidField("weights_url", "The weights are an https address of a .safetensors file, or owner/repo.")
    if len(model.trigger_word) > _LONGEST_TRIGGER or not model.trigger_word.isprintable():
        raise InvalidField("trigger_word", f"A trigger word has at most {_LONGEST_TRIGGER} printable characters.")
    if not 0 <= model.price_micros <= _DEAREST_MICROS:
        raise InvalidField("price_micros", f"A price is 0 to {_DEAREST_MICROS} micros.")


def asked(draw: Draw) -> Draw:
    """The draw as the upstream is asked for it: of a draw by an account's own model, its base with the weights and the trigger."""
    if not draw.HasField("custom_model"):
        return draw
    own, order = draw.custom_model, Draw()
    order.CopyFrom(draw)
    order.ClearField("custom_model")
    order.model, order.prompt, order.lora_weights = own.base_model, prompt(draw), own.weights_url
    return order


def prompt(draw: Draw) -> str:
    """The prompt with the trigger word of an account's own model before it."""
    trigger = draw.custom_model.trigger_word
    return f"{trigger}, {draw.prompt}" if trigger else draw.prompt


def _check_base(model: CustomModel, catalogue: Catalogue) -> None:
    try:
        routes = catalogue.entry(model.base_model).weights_routes
    except Fault as fault:
        raise InvalidField("base_model", fault.message) from fault
    if not routes:
        raise InvalidField("base_model", f"{model.base_model} takes no weights of one's own.")
    providers = list(dict.fromkeys(route.provider for route in routes))
    if model.provider not in providers:
        raise InvalidField(
            "provider", f"With weights of one's own {model.base_model} is drawn by {', '.join(providers)} only."
        )


def _is_weights_address(text: str) -> bool:
    if not _VISIBLE.fullmatch(text):
        return False
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    return (
        address.scheme == "https"
        and bool(address.hostname)
        and "@" not in address.netloc
        and address.path.lower().endswith(".safetensors")
    )
