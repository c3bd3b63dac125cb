"""The gallery, put together: store, signer, inputs, files port and retention around one gRPC server."""

import contextlib
import datetime
from collections.abc import AsyncIterator

from gallery.access import ACCESS
from gallery.analyses import Analyses
from gallery.config import Config
from gallery.files_http import Files, serving_files
from gallery.inputs import InputLimits, Inputs
from gallery.provenance.authority import Credential, external_credential, local_credential
from gallery.provenance.signer import RenewingSigner
from gallery.recording import Recorder
from gallery.renditions import Renditions
from gallery.retention import Retention
from gallery.servicer import ImagesServicer, InputsServicer
from gallery.store import Store
from gesso.gallery.v1 import gallery_pb2_grpc as rpc
from pictures.studio import Studio
from servicekit.background import running_task
from servicekit.database import Database, migrate
from servicekit.egress import GuardedClient
from servicekit.identity import Access
from servicekit.objects import Objects
from servicekit.server import Registration, serving
from servicekit.telemetry import Telemetry
from servicekit.version import VERSION

_ERASING_SECONDS = 120.0
"""Retention erases a blob's files under the lock of its row; an object store may take its time over it."""


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[str]:
    """Run the gallery; yields its gRPC address."""
    async with contextlib.AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(Telemetry.running("gallery", config.metrics_listen))
        database = await stack.enter_async_context(
            Database.connect(
                config.database_url,
                schema="gallery",
                max_connections=config.database_connections,
                idle_in_transaction_seconds=_ERASING_SECONDS,
            )
        )
        await migrate(database, "gallery.migrations")
        telemetry.watch_pool(database.pool_use)
        objects, store = Objects.from_url(config.store_url), Store(database)
        studio = await stack.enter_async_context(Studio())
        client = await stack.enter_async_context(GuardedClient(config.egress_allow))
        recorder = Recorder(store, objects)
        limits = InputLimits(config.input_limit_bytes, config.input_timeout_seconds, config.input_keep_seconds)
        inputs = Inputs(store, recorder, objects, studio, client, limits)
        await stack.enter_async_context(running_task(_retention(store, objects, config).run()))
        files = _files(config, store, objects, Renditions(objects, studio), inputs, telemetry)
        await stack.enter_async_context(serving_files(files, config.files_listen))
        images = ImagesServicer(store, recorder, _signer(config))
        analyses = Analyses(store, objects, studio)
        registrations = _registrations(images, InputsServicer(inputs, analyses, config.caller_token_key))
        access = Access(config.peers, ACCESS)
        yield await stack.enter_async_context(
            serving(config.listen, registrations, access=access, observer=telemetry, grace_seconds=config.grace_seconds)
        )


def _files(
    config: Config, store: Store, objects: Objects, renditions: Renditions, inputs: Inputs, telemetry: Telemetry
) -> Files:
    return Files(
        store,
        objects,
        renditions,
        inputs,
        link_key=config.link_key,
        caller_token_key=config.caller_token_key,
        peers=config.peers,
        input_limit_bytes=config.input_limit_bytes,
        observer=telemetry,
    )


def _registrations(images: ImagesServicer, inputs: InputsServicer) -> tuple[Registration, ...]:
    return (
        Registration("gesso.gallery.v1.Images", rpc.add_ImagesServicer_to_server, images),
        Registration("gesso.gallery.v1.Inputs", rpc.add_InputsServicer_to_server, inputs),
    )


def _retention(store: Store, objects: Objects, config: Config) -> Retention:
    return Retention(
        store, objects, pause_seconds=config.retention_seconds, unused_grace_seconds=config.unused_grace_seconds
    )


def _signer(config: Config) -> RenewingSigner:
    def source(now: datetime.datetime) -> Credential:
        if config.certificates is not None and config.certificate_key is not None:
            return external_credential(config.certificates, config.certificate_key, None, now)
        return local_credential(config.provenance_dir, now)

    return RenewingSigner(source, VERSION, datetime.datetime.now(datetime.UTC))
