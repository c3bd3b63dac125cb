"""The sketch engine as a provider: honest about itself, and the same order always gives the same pictures."""

from collections.abc import AsyncIterator

import pytest

from generator.providers.base import Drawn, Pixels, Provider
from generator.providers.sketch import PROVIDER
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.sample_pictures import sample

from .conftest import CountedMemory, OrderMaker


@pytest.fixture
async def sketch() -> AsyncIterator[Provider]:
    """The provider with the installed art."""
    provider = PROVIDER.open({})
    if not provider.configured:
        pytest.skip("the sketch engine's art is not installed")
    yield provider
    await provider.close()


async def drawn(sketch: Provider, order: object, memory: CountedMemory) -> Drawn:
    result = await sketch.submit(order, memory)  # type: ignore[arg-type]
    assert isinstance(result, Drawn)
    return result


async def test_n_pictures_differ_and_each_bears_its_seed(
    sketch: Provider, order: OrderMaker, memory: CountedMemory
) -> None:
    result = await drawn(sketch, order(count=3, width=128, height=96, seed=4294967295), memory)
    assert [picture.seed for picture in result.pictures] == [4294967295, 0, 1]
    assert len({bytes(picture.data) for picture in result.pictures}) == 3
    assert {(inspect(picture.data).width, inspect(picture.data).height) for picture in result.pictures} == {(128, 96)}
    assert result.upstream_model.startswith("sketch-")
    assert not sketch.trained


async def test_an_order_without_a_seed_gives_the_same_pictures_when_it_is_drawn_again(
    sketch: Provider, order: OrderMaker, memory: CountedMemory
) -> None:
    first, second = [await drawn(sketch, order(width=96, height=96), memory) for _ in range(2)]
    assert bytes(first.pictures[0].data) == bytes(second.pictures[0].data)


async def test_a_size_beyond_its_limits_is_drawn_smaller_and_said(
    sketch: Provider, order: OrderMaker, memory: CountedMemory
) -> None:
    result = await drawn(sketch, order(width=4096, height=512, steps=20), memory)
    assert (result.echoed["size"], result.echoed["background"]) == ("2048x256", "opaque")
    assert len(result.warnings) == 2


async def test_what_it_cannot_give_is_said(sketch: Provider, order: OrderMaker, memory: CountedMemory) -> None:
    wanted = order(width=64, height=64, steps=20, guidance=7.5, negative_prompt="snow", seed=1)
    wanted.draw.options.update({"scheduler": "ddim", "inpaint_mode": "latent_noise", "user": "someone"})
    result = await drawn(sketch, wanted, memory)
    assert result.warnings == [
        f"The sketch engine ignores {name}." for name in ("steps", "guidance", "inpaint_mode", "scheduler")
    ]


async def test_an_input_is_drawn_over(sketch: Provider, order: OrderMaker, memory: CountedMemory) -> None:
    picture = sample("png", 128, 128).stamped(1)
    wanted = order(
        operation=pb.OPERATION_IMAGE_TO_IMAGE,
        inputs=[picture],
        width=128,
        height=128,
        strength=0.1,
        output_format="webp",
    )
    result = await drawn(sketch, wanted, memory)
    assert inspect(result.pictures[0].data).format == "webp"


@pytest.mark.parametrize(("wanted", "sides"), [(1, [64]), (2, [64, 64]), (3, [64, 64, 85])])
@pytest.mark.parametrize("from_picture", [False, True])
async def test_unfinished_pictures_are_the_same_one_small(
    sketch: Provider, order: OrderMaker, memory: CountedMemory, wanted: int, sides: list[int], from_picture: bool
) -> None:
    shown: list[Pixels] = []

    async def show(pixels: Pixels) -> None:
        shown.append(pixels)

    inputs = {"operation": pb.OPERATION_INPAINT, "inputs": [sample("png", 256, 256).stamped(1)]} if from_picture else {}
    mask = sample("png", 256, 256).stamped(2) if from_picture else None
    asked = order(width=256, height=256, partial_images=wanted, on_partial=show, mask=mask, **inputs)
    (finished,) = (await drawn(sketch, asked, memory)).pictures
    assert [inspect(pixels.data).width for pixels in shown] == sides
    assert {pixels.seed for pixels in shown} == {finished.seed}
