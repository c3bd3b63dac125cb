"""The gallery keeps a picture once per id, shares bytes within an account, and lets them go with their last image."""

import asyncio
import datetime
import hashlib
import time

import pytest

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2 as pb
from gesso.gallery.v1 import gallery_pb2_grpc as rpc
from servicekit.faults import Fault, Forbidden
from servicekit.ids import derived_id, new_id
from servicekit.objects import ObjectNotFound, blob_key
from servicekit.timestamps import to_timestamp
from testkit.eventually import eventually
from testkit.picture_samples import SAMPLES

from .conftest import Gallery

ACCOUNT = new_id("acct")
PNG = SAMPLES["png"]()


def picture(*, image_id: str | None = None, account_id: str = ACCOUNT, data: bytes | None = None) -> pb.Image:
    data = PNG if data is None else data
    digest = hashlib.sha256(data).digest()
    return pb.Image(
        id=image_id or new_id("img"),
        account_id=account_id,
        source=pb.Image.SOURCE_DRAWN,
        digest=digest,
        blob_key=blob_key(account_id, digest, "png"),
        format="png",
        width=80,
        height=60,
        byte_count=len(data),
        job_id="job_1",
        created_at=to_timestamp(datetime.datetime.now(datetime.UTC)),
    )


async def keep(gallery: Gallery, message: pb.Image, data: bytes | None = None) -> pb.RecordImagesResponse.RecordResult:
    await gallery.objects.put_new(message.blob_key, (data or PNG,))
    response = await gallery.generator.call(gallery.images.RecordImages, pb.RecordImagesRequest(images=[message]))
    return response.results[0]


async def test_the_first_record_of_an_id_wins_and_a_later_one_adopts_it(gallery: Gallery) -> None:
    image_id = derived_id("img", "task", "0")
    first = await keep(gallery, picture(image_id=image_id))
    other = SAMPLES["jpeg"]()
    second = await keep(gallery, picture(image_id=image_id, data=other), other)
    assert first.image.digest == second.image.digest
    storage = await gallery.generator.call(gallery.images.GetStorage, pb.GetStorageRequest(account_id=ACCOUNT))
    assert storage.image_count == 1


async def test_equal_bytes_of_one_account_are_kept_and_counted_once(gallery: Gallery) -> None:
    messages = [picture() for _ in range(3)]
    await asyncio.gather(*(keep(gallery, message) for message in messages))
    storage = await gallery.generator.call(gallery.images.GetStorage, pb.GetStorageRequest(account_id=ACCOUNT))
    assert (storage.image_count, storage.byte_count) == (3, messages[0].byte_count)


async def test_bytes_go_with_the_last_image_that_refers_to_them(gallery: Gallery) -> None:
    first, second = picture(), picture()
    await keep(gallery, first)
    await keep(gallery, second)
    for message in (first, second):
        await gallery.objects.head(message.blob_key)
        request = pb.DeleteImageRequest(account_id=ACCOUNT, image_id=message.id)
        forgotten = await gallery.generator.call(gallery.images.DeleteImage, request)
        assert forgotten.state == pb.Image.STATE_FORGOTTEN
        assert (await gallery.generator.call(gallery.images.DeleteImage, request)).state == pb.Image.STATE_FORGOTTEN
    await eventually(lambda: _gone(gallery, first.blob_key))
    storage = await gallery.generator.call(gallery.images.GetStorage, pb.GetStorageRequest(account_id=ACCOUNT))
    assert (storage.image_count, storage.byte_count) == (0, 0)


async def test_a_record_of_removed_bytes_is_told_to_put_them_again(gallery: Gallery) -> None:
    message = picture()
    await keep(gallery, message)
    await gallery.generator.call(
        gallery.images.DeleteImage, pb.DeleteImageRequest(account_id=ACCOUNT, image_id=message.id)
    )
    await eventually(lambda: _gone(gallery, message.blob_key))
    again = picture()
    response = await gallery.generator.call(gallery.images.RecordImages, pb.RecordImagesRequest(images=[again]))
    assert response.results[0].fault.reason == reasons.REASON_UNAVAILABLE
    assert response.results[0].fault.details["component"] == "blob"
    kept = await keep(gallery, again)
    assert kept.image.id == again.id
    await gallery.objects.head(again.blob_key)


async def test_an_image_is_forgotten_when_its_time_is_over(gallery: Gallery) -> None:
    message = picture()
    message.expires_at.FromMilliseconds(int(time.time() * 1000) + 50)
    await keep(gallery, message)
    await eventually(lambda: _gone(gallery, message.blob_key))


async def test_another_accounts_image_does_not_exist(gallery: Gallery) -> None:
    message = picture()
    await keep(gallery, message)
    with pytest.raises(Fault) as caught:
        await gallery.generator.call(
            gallery.images.GetImage, pb.GetImageRequest(account_id=new_id("acct"), image_id=message.id)
        )
    assert caught.value.reason == reasons.REASON_NOT_FOUND


async def test_the_edge_may_not_record_images(gallery: Gallery) -> None:
    stub = rpc.ImagesStub(gallery.gateway.channel)
    with pytest.raises(Fault) as caught:
        await gallery.gateway.call(stub.RecordImages, pb.RecordImagesRequest(images=[picture()]))
    assert caught.value.reason == Forbidden("").reason


async def test_images_are_listed_page_by_page(gallery: Gallery) -> None:
    messages = [picture() for _ in range(5)]
    for message in messages:
        await keep(gallery, message)
    stub, token, seen = rpc.ImagesStub(gallery.operator.channel), "", []
    while True:
        page = await gallery.operator.call(stub.ListImages, pb.ListImagesRequest(page_size=2, page_token=token))
        seen += [image.id for image in page.images]
        token = page.next_page_token
        if not token:
            break
    assert seen == sorted(message.id for message in messages)


async def _gone(gallery: Gallery, key: str) -> bool:
    try:
        await gallery.objects.head(key)
    except ObjectNotFound:
        return True
    return False


def sign_item(*, slot_length: int = 4096, digest: bytes = bytes(32)) -> pb.SignImagesRequest.SignItem:
    return pb.SignImagesRequest.SignItem(
        image_id=new_id("img"),
        digest=digest,
        format="png",
        slot_offset=33,
        slot_length=slot_length,
        model="sketch",
        upstream_model="sketch-1.0",
        provider="sketch",
        drawn_at=to_timestamp(datetime.datetime.now(datetime.UTC)),
    )


async def test_a_picture_that_cannot_be_signed_does_not_harm_those_beside_it(gallery: Gallery) -> None:
    items = [sign_item(), sign_item(slot_length=1024), sign_item(digest=b"short"), sign_item()]
    response = await gallery.generator.call(gallery.images.SignImages, pb.SignImagesRequest(items=items))
    assert [result.HasField("fault") for result in response.results] == [False, True, True, False]
    assert {result.fault.details["field"] for result in response.results[1:3]} == {"slot_length", "items"}
    assert {len(result.insertion) for result in (response.results[0], response.results[3])} == {4096}
