"""What must hold between money, jobs and pictures, whatever crashed: the part of `ledger verify` that no service sees alone.

Source: design.md "One request, top to bottom": a job owns one hold, KEPT is the fact of what is owed, a capture is that amount.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gesso.billing.v1.billing_pb2 import Hold
from gesso.gallery.v1.gallery_pb2 import Image
from gesso.generator.v1.generator_pb2 import Job, ListSettlementsResponse

Settlement = ListSettlementsResponse.JobSettlement

_ENDED = frozenset({Job.STATE_SUCCEEDED, Job.STATE_PARTIAL, Job.STATE_FAILED, Job.STATE_CANCELLED})


@dataclass(frozen=True, slots=True)
class Breach:
    """An invariant that does not hold, and of what."""

    invariant: str
    subject_id: str
    detail: str


def breaches(
    settlements: Iterable[Settlement], holds: Mapping[str, Hold], images: Mapping[str, Image], job_ids: Collection[str]
) -> Iterator[Breach]:
    """Cross jobs with their holds (by hold id) and pictures (by image id).

    Sound while the platform works, if the settlements were read before holds and pictures, and the ids of all jobs after them: what
    a job says has happened is then found, and what is found has its job.
    """
    for settlement in settlements:
        yield from _of_money(settlement, holds.get(settlement.hold_id))
        yield from _of_pictures(settlement, images)
    for hold in holds.values():
        if hold.job_id and hold.job_id not in job_ids and hold.state != Hold.STATE_RELEASED:
            yield Breach("hold_has_job", hold.id, f"no job {hold.job_id} stands behind {hold.amount_micros} micros")
    for image in images.values():
        if image.source == Image.SOURCE_DRAWN and image.job_id not in job_ids:
            yield Breach("image_has_job", image.id, f"no job {image.job_id} drew it")


def _of_money(settlement: Settlement, hold: Hold | None) -> Iterator[Breach]:
    """A job that is not settled yet owes what it says: its hold stays open until the ledger follows, and is judged then."""
    job_id, charge = settlement.job_id, settlement.charge_micros
    due = settlement.hold_micros if settlement.captured_at_start else charge
    if settlement.state == Job.STATE_REFUSED:
        if settlement.settled and hold is not None and hold.state != Hold.STATE_RELEASED:
            yield Breach("refused_job_holds_nothing", job_id, f"its hold {hold.id} stands")
        return
    if settlement.state not in _ENDED:
        return
    if hold is None:
        if settlement.hold_micros > 0:
            yield Breach("ended_job_has_hold", job_id, f"no hold {settlement.hold_id}")
        return
    if hold.state == Hold.STATE_OPEN:
        if settlement.settled:
            yield Breach("ended_job_is_settled", job_id, f"its hold {hold.id} is open")
    elif hold.captured_micros != due:
        yield Breach("capture_is_charge", job_id, f"captured {hold.captured_micros}, to be captured {due} micros")
    elif settlement.settled and hold.captured_micros - hold.refunded_micros > charge and settlement.captured_at_start:
        yield Breach("refund_is_made", job_id, f"refunded {hold.refunded_micros} of {due}, charged {charge} micros")
    if hold.amount_micros < charge:
        yield Breach("charge_within_hold", job_id, f"held {hold.amount_micros}, charged {charge} micros")


def _of_pictures(settlement: Settlement, images: Mapping[str, Image]) -> Iterator[Breach]:
    for image_id in settlement.image_ids:
        image = images.get(image_id)
        if image is None:
            yield Breach("delivered_image_is_kept", settlement.job_id, f"no image {image_id}")
        elif (image.account_id, image.job_id) != (settlement.account_id, settlement.job_id):
            yield Breach("delivered_image_is_own", settlement.job_id, f"{image_id} belongs to {image.job_id}")
    for_nothing = settlement.charge_micros > 0 and not settlement.image_ids and settlement.state in _ENDED
    if for_nothing and not settlement.captured_at_start:
        yield Breach("charge_has_pictures", settlement.job_id, f"charged {settlement.charge_micros} micros for none")
