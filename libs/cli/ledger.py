"""`ledger verify`: every invariant of money, jobs and pictures; exits with 1 on any breach."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from cli.errors import CommandFailed
from cli.operator import Operator, operator
from cli.output import Progress, Result, show
from cli.places import Place
from cli.verification import Breach, breaches
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
        settlements = list(_settlements(services))
        holds = {hold.id: hold for hold in _holds(services)}
        images = {image.id: image for image in _images(services)}
        job_ids = {row.job_id for row in _settlements(services)}
        inside = (Breach(found.invariant, found.subject_id, found.detail) for found in ledger.breaches)
        found = [asdict(breach) for breach in (*inside, *breaches(settlements, holds, images, job_ids))]
    result = {
        "ok": not found,
        "accounts": ledger.accounts_checked,
        "entries": ledger.entries_checked,
        "holds": len(holds),
        "jobs": len(job_ids),
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
