"""An answer has the shape of a document's example: every key, in the document's order, with its type and form.

Keys beside the document's are allowed, and what `ALLOWED` lists.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Allowance:
    """Where an answer may differ, and the words of contract.md by which it may: by null, and by what else `also` names."""

    document: str
    path: str
    sentence: str
    also: Literal["absent", "empty", ""] = ""

    def allows(self, answer: Any) -> bool:
        """Whether this answer needs no comparison."""
        return (
            answer is None or (self.also == "absent" and answer is _MISSING) or (self.also == "empty" and answer == [])
        )


_SCORES = "Scores and detections come from real models where one is installed, else null; never a made-up number."
_MEASURED = "`performance` measured, null under 20 samples"
_KNOWN = "`training_data` and `examples` only where known"
_AS_ASKED = "re-encoded or resized if the upstream differs, said in `transformations_applied`"

ALLOWED = (
    Allowance("imagegen-v2", "images[].nsfw_score", _SCORES),
    Allowance("imagegen-v2", "images[].aesthetic_score", _SCORES),
    Allowance("imagegen-v2", "source_image.analysis.detected_objects", _SCORES),
    Allowance("imagegen-v2", "source_image.analysis.style", _SCORES),
    Allowance("imagegen-v2", "images[].transformations_applied", _AS_ASKED, also="empty"),
    Allowance("imagegen-v2", "models[].performance", _MEASURED),
    Allowance("imagegen-v2", "model.training_data", _KNOWN, also="absent"),
    Allowance("imagegen-v2", "model.examples", _KNOWN, also="absent"),
)

_FORMS: Sequence[tuple[str, re.Pattern[str]]] = (
    ("a time in UTC", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")),
    ("a date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("an address", re.compile(r"https?://\S+")),
    ("a colour", re.compile(r"#[0-9A-Fa-f]{6}")),
    ("a masked key", re.compile(r"\w+\.\.\.\w{3}")),
    ("a size", re.compile(r"\d+x\d+")),
    ("an id of its kind", re.compile(r"(?P<kind>gen|img|inp|user|gallery_item|coll|webhook|req|key)_\w+")),
)

_LEFT_OUT = re.compile(r"\[\s*\.\.\.\s*\]")
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


def parse(text: str) -> Any:
    """The JSON of a block, without its comments; a list that the document left out (`[...]`) is an empty one."""
    return json.loads(_COMMENT.sub("", _LEFT_OUT.sub("[]", text)))


def differences(document: str, example: Any, answer: Any) -> list[str]:
    """What an answer has not of its document's example, in words; nothing where it has all."""
    allowed = [allowance for allowance in ALLOWED if allowance.document == document]
    return list(_differences(example, answer, "", allowed))


def at(value: Any, path: str) -> Any:
    """What stands at `a.b[].c`: `[]` makes a list of what each element has, `[x]` is the element with this id.

    Raises KeyError where nothing stands there.
    """
    step, _, rest = path.partition(".")
    name, bracket, element_id = step.removesuffix("]").partition("[")
    inner = value[name]
    if not bracket:
        return at(inner, rest) if rest else inner
    if element_id:
        chosen = {element["id"]: element for element in inner}[element_id]
        return at(chosen, rest) if rest else chosen
    return [at(element, rest) if rest else element for element in inner]


def _differences(example: Any, answer: Any, path: str, allowed: Sequence[Allowance]) -> Iterator[str]:
    allowance = next((allowance for allowance in allowed if allowance.path == path), None)
    if allowance is not None and allowance.allows(answer):
        return
    if answer is _MISSING:
        yield f"{path or 'the answer'} is missing"
    elif example is not None and not _is_of_type(example, answer):
        yield f"{path or 'the answer'} is {json.dumps(answer)[:80]}, not as {json.dumps(example)[:80]}"
    elif isinstance(example, dict):
        yield from _in_keys(example, answer, path, allowed)
    elif isinstance(example, list):
        yield from _in_elements(example, answer, path, allowed)
    elif isinstance(example, str):
        yield from _in_form(example, answer, path)


def _is_of_type(example: Any, answer: Any) -> bool:
    """An integer is an integer, and 40.0 is written with its point; a figure with decimals may happen to have none."""
    if isinstance(example, float) and not isinstance(answer, bool):
        return isinstance(answer, float) or (isinstance(answer, int) and not example.is_integer())
    return type(example) is type(answer)


def _in_keys(example: dict[str, Any], answer: dict[str, Any], path: str, allowed: Sequence[Allowance]) -> Iterator[str]:
    for name, value in example.items():
        inner = f"{path}.{name}" if path else name
        yield from _differences(value, answer.get(name, _MISSING), inner, allowed)
    wanted = [name for name in example if name in answer]
    found = [name for name in answer if name in example]
    if wanted != found:
        yield f"the order of {path or 'the answer'} is {found}, not {wanted}"


def _in_elements(example: list[Any], answer: list[Any], path: str, allowed: Sequence[Allowance]) -> Iterator[str]:
    """Each element has the shape of one of the document's; those that a document names by their ids have the shape of their own."""
    if not example:
        return
    if not answer:
        yield f"{path} is empty"
    names = {element.get("id") for element in example if isinstance(element, dict)}
    listed = {element.get("id"): element for element in answer if isinstance(element, dict)}
    if len(names) > 1 and names & set(listed):
        for element in example:
            yield from _differences(element, listed.get(element["id"], _MISSING), f"{path}[]", allowed)
        return
    for element in answer:
        yield from min((list(_differences(one, element, f"{path}[]", allowed)) for one in example), key=len)


def _in_form(example: str, answer: str, path: str) -> Iterator[str]:
    for name, form in _FORMS:
        wanted = form.fullmatch(example)
        if wanted is None:
            continue
        found = form.fullmatch(answer)
        if found is None or found.groupdict() != wanted.groupdict():
            yield f"{path} is {answer!r}, not {name} as {example!r}"
        return
