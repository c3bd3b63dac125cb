"""Full storage refuses what would stay; the gallery is asked seldom, and its silence is waited out by the caller."""

import asyncio
from collections import deque

import pytest

from generator.storage_quota import StorageQuota
from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault, Unavailable

MB = 1 << 20
STAYS, GOES = pb.Purchase(), pb.Purchase(keep_seconds=86_400)


class Gallery:
    """Answers in turn; the last answer stays."""

    def __init__(self, *answers: int | Fault) -> None:
        self.answers = deque(answers)
        self.asked = 0
        self.now = 1000.0

    async def used_bytes(self, account_id: str) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.popleft()
        if isinstance(answer, Fault):
            raise answer
        return answer

    def quota(self) -> StorageQuota:
        return StorageQuota(self.used_bytes, clock=lambda: self.now)


def claims(storage_mb: int, account_id: str = "acct_1") -> CallerClaims:
    return CallerClaims(account_id=account_id, storage_mb=storage_mb)


async def test_full_storage_refuses_with_its_figures() -> None:
    quota = Gallery(12 * MB + 5).quota()
    with pytest.raises(Fault) as caught:
        await quota.check(claims(12), STAYS)
    assert caught.value.reason == reasons.REASON_STORAGE_EXCEEDED
    assert caught.value.details == {"limit_mb": "12", "used_mb": "12"}


@pytest.mark.parametrize(
    ("storage_mb", "purchase", "asked"), [(0, STAYS, 0), (1, GOES, 0), (13, STAYS, 1)], ids=["no limit", "goes", "room"]
)
async def test_what_has_room_or_does_not_stay_passes(storage_mb: int, purchase: pb.Purchase, asked: int) -> None:
    gallery = Gallery(12 * MB)
    await gallery.quota().check(claims(storage_mb), purchase)
    assert gallery.asked == asked


async def test_many_at_once_ask_once_and_again_after_ten_seconds() -> None:
    gallery = Gallery(0)
    quota = gallery.quota()
    await asyncio.gather(*(quota.check(claims(1), STAYS) for _ in range(50)))
    gallery.now += 9
    await quota.check(claims(1), STAYS)
    assert gallery.asked == 1
    gallery.now += 2
    await quota.check(claims(1), STAYS)
    assert gallery.asked == 2
    await quota.check(claims(1, "acct_2"), STAYS)
    assert gallery.asked == 3


async def test_the_last_word_of_a_gallery_that_is_away_counts_for_a_minute() -> None:
    gallery = Gallery(0, Unavailable("gallery"))
    quota = gallery.quota()
    await quota.check(claims(1), STAYS)
    gallery.now += 59
    await quota.check(claims(1), STAYS)
    gallery.now += 2
    with pytest.raises(Fault) as caught:
        await quota.check(claims(1), STAYS)
    assert caught.value.reason == reasons.REASON_UNAVAILABLE


async def test_an_asker_that_leaves_takes_no_answer_from_the_others() -> None:
    gallery = Gallery(0)
    quota = gallery.quota()
    first, second = (asyncio.create_task(quota.check(claims(1), STAYS)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert (first.cancelled() or first.cancelling() > 0, gallery.asked) == (True, 1)
