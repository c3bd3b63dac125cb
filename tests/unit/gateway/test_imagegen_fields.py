"""Errors and warnings name fields as this API's callers know them, whoever refused or ignored one."""

import pytest

from gateway.dialects.imagegen.fields import in_paths, path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("steps", "parameters.num_inference_steps"),
        ("num_inference_steps", "parameters.num_inference_steps"),
        ("image_url", "init_image"),
        ("strength", "strength"),
        ("", ""),
    ],
)
def test_a_field_is_named_by_its_path(name: str, expected: str) -> None:
    assert path(name) == expected


@pytest.mark.parametrize(
    ("warning", "expected"),
    [
        ("The sketch engine ignores steps.", "The sketch engine ignores `parameters.num_inference_steps`."),
        ("fal ignores sampler.", "fal ignores `parameters.sampler`."),
        ("openai ignores negative_prompt.", "openai ignores `negative_prompt`."),
        ("resized from 200x100 to 256x192", "resized from 200x100 to 256x192"),
        ("openai ignores transparent background.", "openai ignores transparent background."),
    ],
)
def test_a_warning_names_the_path_of_what_was_ignored(warning: str, expected: str) -> None:
    assert in_paths(warning) == expected
