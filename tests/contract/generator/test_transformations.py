"""Masks reach every provider ready to use, and results are made what was asked for, with each change said and signed."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest
from PIL import Image, ImageDraw

from generator.providers.base import Provider
from generator.providers.upscaling import UpscalingProvider
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2
from gesso.gallery.v1.gallery_pb2_grpc import ImagesStub
from gesso.generator.v1 import generator_pb2 as pb
from pictures import jpeg
from pictures.facts import Standing
from pictures.studio import Studio
from servicekit.ids import new_id
from servicekit.objects import Objects, blob_key
from servicekit.timestamps import to_datetime
from testkit.identities import link_as
from testkit.picture_samples import draw as drawn
from testkit.picture_samples import encoded

from .house import Generator, House, ended
from .purchases import CATALOGUE, Customer, purchase
from .scripted import Scripted, answering

ERASER = """
[[model]]
id = "eraser"
name = "Eraser"
owner = "tests"
operations = ["inpaint", "image-to-image", "text-to-image"]
released = 2026-01-01
verified = 2026-01-01
prices = [{ dialect = "openai", usd = 0.01 }]
routes = [{ provider = "alpha", upstream_model = "alpha-1", native_count = 4 }]
"""


@pytest.fixture
async def painters(house: House, alpha: Scripted) -> AsyncIterator[Generator]:
    """A replica with the scripted vendor, and the upscaling provider itself."""
    catalogue = house.folder / "own.toml"
    await asyncio.to_thread(catalogue.write_text, CATALOGUE + ERASER)
    providers: Mapping[str, Provider] = {"alpha": alpha, "upscaling": UpscalingProvider()}
    async with house.generator(providers, GESSO_CATALOGUE=str(catalogue)) as generator:
        yield generator


async def brought(house: House, customer: Customer, data: bytes) -> str:
    """Keep a picture as an input of the customer's; returns its id."""
    shown, digest = Image.open(io.BytesIO(data)), hashlib.sha256(data).digest()
    format_ = (shown.format or "").lower()
    image = gallery_pb2.Image(
        id=new_id("img"),
        account_id=customer.id,
        source=gallery_pb2.Image.SOURCE_INPUT,
        digest=digest,
        blob_key=blob_key(customer.id, digest, format_),
        format=format_,
        width=shown.width,
        height=shown.height,
        byte_count=len(data),
    )
    image.created_at.GetCurrentTime()
    await Objects.from_url(house.store_url).put_new(image.blob_key, (data,))
    async with link_as("generator", house.socket("gallery")) as link:
        stub = ImagesStub(link.channel)
        await link.call(stub.RecordImages, gallery_pb2.RecordImagesRequest(images=[image]))
    return image.id


def made(draw: pb.Draw, dialect: str = "imagegen") -> pb.Purchase:
    one = purchase(draw)
    one.dialect = dialect
    return one


async def done(generator: Generator, customer: Customer, one: pb.Purchase) -> pb.Task:
    job = await generator.submit(customer.token(), one)
    (task,) = (await ended(generator, customer.token(), job.id)).tasks
    return task


async def file_of(house: House, picture: pb.Picture) -> bytes:
    return bytes(await Objects.from_url(house.store_url).get(picture.blob_key))


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


def spotted(outside: object, inside: object, mode: str = "L") -> bytes:
    """A mask that is `inside` in its left half."""
    mask = Image.new(mode, (40, 30), outside)  # type: ignore[arg-type]
    mask.paste(inside, (0, 0, 20, 30))  # type: ignore[arg-type]
    return encoded(mask, "PNG")


HOLE_IN_WHITE = spotted((255, 255, 255, 255), (0, 0, 0, 0), "RGBA")


@pytest.mark.parametrize(
    ("mask", "dialect", "options", "left_right"),
    [
        (spotted(0, 255), "imagegen", {}, (255, 0)),
        (spotted(0, 255), "imagegen", {"mask_inverted": "true"}, (0, 255)),
        (spotted(0, 100), "openai", {"mask_inverted": "false"}, (100, 0)),
        (HOLE_IN_WHITE, "imagegen", {}, (0, 255)),
        (HOLE_IN_WHITE, "openai", {}, (255, 0)),
    ],
)
async def test_a_provider_gets_a_mask_that_is_white_where_it_repaints_and_as_large_as_the_picture(
    house: House,
    painters: Generator,
    customer: Customer,
    alpha: Scripted,
    mask: bytes,
    dialect: str,
    options: dict[str, str],
    left_right: tuple[int, int],
) -> None:
    picture = encoded(drawn(160, 90), "JPEG")
    wanted = pb.Draw(
        operation=pb.OPERATION_INPAINT,
        model="eraser",
        prompt="a fox",
        n=1,
        input_image_ids=[await brought(house, customer, picture)],
        mask_image_id=await brought(house, customer, mask),
        options=options,
    )
    task = await done(painters, customer, made(wanted, dialect))
    assert task.state == pb.Task.STATE_KEPT, task
    order = alpha.orders[0]
    shown = opened(order.mask)
    assert (shown.mode, shown.size) == ("L", (160, 90))
    assert [shown.tobytes()[45 * 160 + column] for column in (20, 140)] == list(left_right)
    assert list(order.inputs) == [picture]


async def test_a_blurred_mask_fades_and_what_is_filled_has_lost_what_was_there(
    house: House, painters: Generator, customer: Customer, alpha: Scripted
) -> None:
    picture = Image.new("RGB", (200, 100), "blue")
    ImageDraw.Draw(picture).rectangle((80, 30, 119, 69), fill="red")
    spot = Image.new("L", (200, 100), 0)
    spot.paste(255, (70, 20, 130, 80))
    wanted = pb.Draw(
        operation=pb.OPERATION_INPAINT,
        model="eraser",
        prompt="a fox",
        n=1,
        input_image_ids=[await brought(house, customer, encoded(picture, "PNG"))],
        mask_image_id=await brought(house, customer, encoded(spot, "PNG")),
        options={"mask_blur": "4", "inpaint_mode": "fill"},
    )
    await done(painters, customer, made(wanted))
    order = alpha.orders[0]
    assert 100 < opened(order.mask).tobytes()[50 * 200 + 70] < 160
    filled = opened(order.inputs[0]).convert("RGB").tobytes()
    assert tuple(filled[3 * (50 * 200 + 100) :][:3]) == (0, 0, 255)
    assert order.draw.options["inpaint_mode"] == "fill"


async def test_a_blur_beyond_its_bounds_fails_the_task_and_orders_nothing(
    house: House, painters: Generator, customer: Customer, alpha: Scripted
) -> None:
    image_id = await brought(house, customer, encoded(drawn(32, 32), "PNG"))
    wanted = pb.Draw(
        operation=pb.OPERATION_INPAINT,
        model="eraser",
        prompt="a fox",
        n=1,
        input_image_ids=[image_id],
        mask_image_id=image_id,
        options={"mask_blur": "65"},
    )
    task = await done(painters, customer, made(wanted))
    assert (task.fault.reason, task.fault.details["field"]) == (reasons.REASON_INVALID_FIELD, "mask_blur")
    assert not alpha.orders


async def test_preserved_colours_are_those_of_the_source_and_the_credentials_say_so(
    house: House, painters: Generator, customer: Customer, alpha: Scripted
) -> None:
    source = encoded(Image.merge("RGB", [drawn(64, 64, "L"), *[Image.new("L", (64, 64), 10)] * 2]), "PNG")
    alpha.acts.append(
        answering(encoded(Image.merge("RGB", [Image.new("L", (64, 64), 9)] * 2 + [drawn(64, 64, "L")]), "PNG"))
    )
    wanted = pb.Draw(
        operation=pb.OPERATION_IMAGE_TO_IMAGE,
        model="eraser",
        prompt="a fox",
        n=1,
        width=96,
        height=96,
        output_format="jpeg",
        input_image_ids=[await brought(house, customer, source)],
        options={"preserve_colors": "true"},
    )
    task = await done(painters, customer, made(wanted))
    (picture,) = task.pictures
    assert list(picture.transformations) == ["color_transfer", "resize", "reencode"]
    assert list(task.warnings) == ["resized from 64x64 to 96x96", "converted from png to jpeg"]
    data = await file_of(house, picture)
    red, _, blue = opened(data).convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert red > 2 * blue
    for action in (b"c2pa.color_adjustments", b"c2pa.resized", b"c2pa.transcoded"):
        assert action in data
    async with Studio() as studio:
        manifest = await studio.manifest(data)
    assert manifest is not None
    assert manifest.standing is Standing.VALID
    assert manifest.source_type.endswith("/compositeWithTrainedAlgorithmicMedia")


async def test_a_jpeg_that_is_finer_than_asked_is_compressed_anew_and_one_that_is_not_is_left(
    house: House, painters: Generator, customer: Customer, alpha: Scripted
) -> None:
    fine, coarse = (encoded(drawn(128, 128), "JPEG", quality=quality) for quality in (95, 42))
    alpha.acts.extend([answering(fine), answering(coarse)])
    wanted = pb.Draw(
        operation=pb.OPERATION_TEXT_TO_IMAGE, model="eraser", prompt="a", n=1, output_format="jpg", output_quality=40
    )
    tasks = [await done(painters, customer, made(wanted)) for _ in range(2)]
    assert [list(task.pictures[0].transformations) for task in tasks] == [["reencode"], []]
    assert [list(task.warnings) for task in tasks] == [["compressed anew at quality 40"], []]
    assert jpeg.quality(memoryview(await file_of(house, tasks[0].pictures[0]))) == 40


async def test_without_a_vendor_a_picture_is_enlarged_by_bicubic_and_said_to_be_so(
    house: House, painters: Generator, customer: Customer
) -> None:
    wanted = pb.Draw(
        operation=pb.OPERATION_UPSCALE,
        model="real-esrgan",
        n=1,
        input_image_ids=[await brought(house, customer, encoded(drawn(80, 60), "PNG"))],
        options={"scale_factor": "4"},
    )
    task = await done(painters, customer, made(wanted))
    assert (task.provider, task.upstream_model, task.charge_micros) == ("upscaling", "bicubic", 40_000)
    (picture,) = task.pictures
    assert (picture.width, picture.height, list(picture.transformations)) == (320, 240, [])
    assert "bicubic" in task.warnings[0]
    assert b"algorithmicallyEnhanced" in await file_of(house, picture)


async def test_what_would_be_too_large_is_refused_and_costs_nothing(
    house: House, painters: Generator, customer: Customer
) -> None:
    wanted = pb.Draw(
        operation=pb.OPERATION_UPSCALE,
        model="real-esrgan",
        n=1,
        input_image_ids=[await brought(house, customer, encoded(Image.new("L", (4001, 4000)), "PNG"))],
    )
    task = await done(painters, customer, made(wanted))
    assert (task.fault.reason, task.charge_micros) == (reasons.REASON_UPSTREAM_INVALID, 0)
    assert (await house.balance(customer.id)).available_micros == 1_000_000


async def test_a_picture_that_does_not_stay_expires_so_long_after_it_was_drawn(
    house: House, painters: Generator, customer: Customer
) -> None:
    one = purchase(keep_seconds=86_400)
    await done(painters, customer, one)
    (image,) = await house.images()
    assert to_datetime(image.expires_at) - to_datetime(image.created_at) == timedelta(days=1)
