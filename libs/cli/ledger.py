"""`ledger verify`: every invariant of money, jobs and pictures; exits with 1 on any breach."""

import argparse
from collections.abc import Callable, Iterator
from typing import Any

from cli.errors import CommandFailed
from cli.operator import Operator, operator
from cli.output import Progress, Result, show
from cli.places import Place
from cli.verification import breaches
from gesso.billing.v1 import billing_pb2 as billing
from gesso.gallery.v1 import gallery_pb2 as gallery
from gesso.generator.v1 import generator_pb2 as generator

_PAGE = 1000


def verify(arguments: argparse.Namespace) -> Result:
    """Check the ledger, and cross holds, jobs and pictures. Raises CommandFailed on any breach, after showing all."""
    services = operator(Place.here())
    with Progress("verifying") as progress:
        progress.update("ledger")
        ledger = services.call(
            "gesso.billing.v1.Ledger/VerifyLedger", billing.VerifyLedgerRequest(), billing.VerifyLedgerResponse
        )
        progress.update("jobs")
        # Jobs are read first and last of all: what ends while we read is then seen with its hold and pictures.
        settlements = {row.job_id: row for row in _settlements(services)}
        holds = {hold.id: hold for hold in _holds(services)}
        images = {image.id: image for image in _images(services)}
        settlements |= {row.job_id: row for row in _settlements(services)}
        crossed = list(breaches(settlements.values(), holds, images))
        moving = {row.job_id for row in settlements.values() if not row.settled}
    found = [
        *({"invariant": b.invariant, "subject_id": b.subject_id, "detail": b.detail} for b in ledger.breaches),
        *(
            {"invariant": b.invariant, "subject_id": b.subject_id, "detail": b.detail}
            for b in crossed
            if b.subject_id not in moving or b.invariant != "ended_job_is_settled"
        ),
    ]
    result = {
        "ok": not found,
        "accounts": ledger.accounts_checked,
        "entries": ledger.entries_checked,
        "holds": len(holds),
        "jobs": len(settlements),
        "images": len(images),
        "breaches": found,
    }
    if found:
        show(result, as_json=arguments.json)
        raise CommandFailed(f"{len(found)} invariants do not hold.")
    return result


def _pages(read: Callable[[str], Any]) -> Iterator[Any]:
    token = ""
    while True:
        page = read(token)
        yield page
        token = page.next_page_token
        if not token:
            return


def _settlements(services: Operator) -> Iterator[generator.ListSettlementsResponse.JobSettlement]:
    method = "gesso.generator.v1.Jobs/ListSettlements"
    for page in _pages(
        lambda token: services.call(
            method,
            generator.ListSettlementsRequest(page_size=_PAGE, page_token=token),
            generator.ListSettlementsResponse,
        )
    ):
        yield from page.settlements


def _holds(services: Operator) -> Iterator[billing.Hold]:
    method = "gesso.billing.v1.Ledger/ListHolds"
    for page in _pages(
        lambda token: services.call(
            method, billing.ListHoldsRequest(page_size=_PAGE, page_token=token), billing.ListHoldsResponse
        )
    ):
        yield from page.holds


def _images(services: Operator) -> Iterator[gallery.Image]:
    method = "gesso.gallery.v1.Images/ListImages"
    for page in _pages(
        lambda token: services.call(
            method, gallery.ListImagesRequest(page_size=_PAGE, page_token=token), gallery.ListImagesResponse
        )
    ):
        yield from page.images
