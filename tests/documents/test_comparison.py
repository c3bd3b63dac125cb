"""The comparison with a document finds what is not as the document has it; it needs no document itself."""

import pytest

from .blocks import Block, read
from .clients import component
from .comparison import at, differences, parse
from .stage import Substitutions

EXAMPLE = {
    "id": "gen_abc123",
    "created_at": "2024-01-01T00:00:00Z",
    "cost": {"credits": 4, "usd": 0.08, "balance": 40.0},
    "images": [{"url": "https://cdn.test/1.png", "public": True}],
    "seen_at": None,
}
ANSWER = {
    "id": "gen_0123",
    "created_at": "2026-11-20T09:00:00Z",
    "extra": "what the document does not show",
    "cost": {"credits": 1, "usd": 1, "balance": 12.0},
    "images": [{"url": "http://127.0.0.1/1.png", "public": False}, {"url": "http://127.0.0.1/2.png", "public": True}],
    "seen_at": "2026-11-20T09:00:00Z",
}


def test_an_answer_with_every_key_in_order_type_and_form_differs_in_nothing() -> None:
    assert not differences("any", EXAMPLE, ANSWER)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"id": None}, "id is null"),
        ({"id": "inp_0123"}, "id is 'inp_0123', not an id of its kind"),
        ({"created_at": "2026-11-20T09:00:00.123Z"}, "created_at is '2026-11-20T09:00:00.123Z', not a time in UTC"),
        ({"cost": {"credits": 1.0, "usd": 1, "balance": 12.0}}, "cost.credits is 1.0, not as 4"),
        ({"cost": {"credits": 1, "usd": "0.02", "balance": 12.0}}, 'cost.usd is "0.02", not as 0.08'),
        ({"cost": {"credits": 1, "usd": 1, "balance": 12}}, "cost.balance is 12, not as 40.0"),
        ({"cost": {"credits": True, "usd": 1, "balance": 12.0}}, "cost.credits is true, not as 4"),
        ({"cost": {"usd": 1, "balance": 12.0}}, "cost.credits is missing"),
        ({"cost": {"usd": 1, "credits": 1, "balance": 12.0}}, "the order of cost is"),
        ({"images": []}, "images is empty"),
        ({"images": {}}, "images is {}, not as"),
        ({"images": [{"url": "1.png", "public": True}]}, "images[].url is '1.png', not an address"),
        ({"images": [*ANSWER["images"], {"url": "http://127.0.0.1/3.png"}]}, "images[].public is missing"),
    ],
)
def test_each_deviation_is_named(change: dict[str, object], difference: str) -> None:
    found = differences("any", EXAMPLE, {**ANSWER, **change})
    assert len(found) == 1
    assert found[0].startswith(difference)


def test_things_that_a_document_names_are_compared_with_themselves() -> None:
    example = {"models": [{"id": "a", "sizes": [1]}, {"id": "b", "features": ["c"]}]}
    answer = {"models": [{"id": "c"}, {"id": "b", "features": ["d"]}, {"id": "a", "features": ["c"]}]}
    assert differences("any", example, answer) == ["models[].sizes is missing"]
    assert differences("any", example, {"models": answer["models"][:2]}) == ["models[] is missing"]


def test_only_the_document_that_an_allowance_names_may_differ_so() -> None:
    example, answer = {"images": [{"nsfw_score": 0.02}]}, {"images": [{"nsfw_score": None}]}
    assert not differences("imagegen-v2", example, answer)
    assert differences("any", example, answer)
    assert differences("imagegen-v2", example, {"images": [{}]}) == ["images[].nsfw_score is missing"]


def test_what_a_document_leaves_out_of_a_list_is_any_list() -> None:
    example = parse('// POST /v1/jobs\n{"recent": [...]}')
    assert example == {"recent": []}
    assert not differences("any", example, {"recent": [1, "two"]})
    assert differences("any", example, {"recent": None})


def test_a_path_leads_to_values_lists_of_values_and_named_elements() -> None:
    value = {"a": {"b": 1}, "list": [{"id": "x", "c": 2}, {"id": "y", "c": 3}]}
    assert (at(value, "a.b"), at(value, "list[].c"), at(value, "list[y].c")) == (1, [2, 3], 3)


def test_blocks_are_numbered_below_their_headings() -> None:
    text = "# One\n```bash\n# no heading\ncurl\n```\n## Two\n\n```\nGET /a\n```\n"
    assert read("doc", text) == (
        Block("doc", 1, 2, "bash", "One", "# no heading\ncurl\n"),
        Block("doc", 2, 8, "", "Two", "GET /a\n"),
    )
    with pytest.raises(ValueError, match="line 1 is not closed"):
        read("doc", "```\n")


def test_only_whole_words_are_substituted() -> None:
    substitute = Substitutions({"UC_API_KEY": "k", "YOUR_UC_API_KEY": "y", "https://a.test": "http://127.0.0.1:1"})
    assert substitute("YOUR_UC_API_KEY UC_API_KEY REACT_APP_UC_API_KEY") == "y k REACT_APP_UC_API_KEY"
    assert substitute("'https://a.test/v1'") == "'http://127.0.0.1:1/v1'"


def test_a_component_that_is_built_otherwise_is_not_taken_for_a_program() -> None:
    with pytest.raises(AssertionError, match="not built"):
        component("function Other() {}\n", ())
