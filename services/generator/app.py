"""The generator, put together: admission, workers, recovery and watches around one gRPC server."""

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from generator import tariff
from generator.access import ACCESS
from generator.admission import Admission
from generator.callbacks import Callbacks, may_be_called
from generator.cancelling import Cancelling
from generator.catalogue import Catalogue
from generator.catalogue_files import CatalogueError
from generator.config import Config
from generator.dispatch import Dispatch
from generator.drawing import Drawing
from generator.events import Events
from generator.gate import Gate
from generator.ground import Ground, laid
from generator.heartbeat import Heartbeat, Pulse
from generator.inputs import Inputs
from generator.keeping import Keeper
from generator.kept_secrets import KeptSecrets
from generator.keyring import Keyring, derived_key
from generator.late_orders import LateOrders
from generator.measurements import Measurements
from generator.memory import PictureMemory
from generator.orders import Orders
from generator.own_keys import OwnKeys
from generator.partials import Partials
from generator.providers.base import Provider
from generator.reconciling import Reconciler
from generator.recovery import Recoverer
from generator.replica import Replica
from generator.router import Router
from generator.safety import RuleError, Safety
from generator.screening import Screening
from generator.secrets import Sealing
from generator.servicers import (
    CallbacksServicer,
    CostsServicer,
    CustomModelsServicer,
    JobsServicer,
    ModelsServicer,
    OperationsServicer,
    SecretsServicer,
    UsageServicer,
)
from generator.settlement import Live, Settlement
from generator.steps import Steps
from generator.storage_quota import StorageQuota
from generator.store import callbacks, leases, provider_keys
from generator.sweeper import Sweeper
from generator.watches import Watches
from generator.worker import Worker
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit.background import running_task
from servicekit.database import listen
from servicekit.faults import Fault
from servicekit.identity import Access
from servicekit.server import Registration, serving
from servicekit.settings import SettingError
from servicekit.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class _Core:
    """What a job's whole life needs."""

    replica: Replica
    live: Live
    steps: Steps
    catalogue: Catalogue
    safety: Safety
    router: Router
    secrets: KeptSecrets
    keyring: Keyring
    own_keys: OwnKeys
    watches: Watches
    settlement: Settlement
    partials: Partials
    measurements: Measurements
    callbacks: Callbacks


@dataclass(frozen=True, slots=True)
class _Rooms:
    """What is called, and what works by itself."""

    gate: Gate
    worker: Worker
    dispatch: Dispatch
    recoverer: Recoverer
    admission: Admission
    late_orders: LateOrders


@contextlib.asynccontextmanager
async def running(config: Config, providers: Mapping[str, Provider] | None = None) -> AsyncIterator[str]:
    """Run the generator; yields its gRPC address. `providers` replace the installed ones.

    At the end nothing new is begun, what is short is finished within the grace period, the edges are told, and the leases of
    the rest are handed over.
    """
    async with contextlib.AsyncExitStack() as stack:
        ground = await laid(stack, config, providers)
        core = _core(ground)
        rooms = _rooms(ground, core)
        stack.push_async_callback(core.router.close)
        await _begin_work(stack, ground, core, rooms)
        jobs = _jobs_servicer(ground, core, rooms)
        registrations = _registrations(ground, core, rooms.gate, jobs)
        access = Access(config.peers, ACCESS)
        yield await stack.enter_async_context(
            serving(config.listen, registrations, access=access, observer=ground.telemetry, grace_seconds=2.0)
        )
        rooms.gate.close()
        rooms.dispatch.close()
        await jobs.finish()
        await rooms.worker.drain(config.grace_seconds)
        await core.settlement.drain(config.grace_seconds)
        core.watches.close()


def _core(ground: Ground) -> _Core:
    config, database = ground.config, ground.database
    live, steps = Live(), Steps(database)
    catalogue = _catalogue(config, ground.providers)
    router = Router(catalogue, ground.providers, weights=config.provider_weights, preference=config.route_preference)
    keyring = Keyring(config.secrets_keys or (derived_key(config.sealing_key),))
    watches = Watches(database, ground.objects, live.__contains__)
    settlement = Settlement(
        database,
        steps,
        ground.billing,
        watches,
        live,
        event=Events(config.files_url, config.link_key).event,
        wake_outbox=ground.outbox.wake if ground.outbox else lambda: None,
    )
    return _Core(
        replica=Replica(),
        live=live,
        steps=steps,
        catalogue=catalogue,
        safety=_safety(config),
        router=router,
        secrets=KeptSecrets(Sealing(config.sealing_key)),
        keyring=keyring,
        own_keys=OwnKeys(database, keyring, takes_keys=router.takes_keys),
        watches=watches,
        settlement=settlement,
        partials=Partials(database, ground.objects),
        measurements=Measurements(database, [model.id for model in catalogue.models()]),
        callbacks=_callbacks(ground),
    )


def _callbacks(ground: Ground) -> Callbacks:
    config = ground.config
    if config.vendor_webhooks and not (may_be_called(config.public_url) and config.link_key):
        raise SettingError("GESSO_VENDOR_WEBHOOKS needs GESSO_LINK_KEY, and an https address in GESSO_PUBLIC_URL")
    return Callbacks(
        ground.providers,
        public_url=config.public_url if config.vendor_webhooks else "",
        key=config.link_key,
        share=partial(callbacks.share, ground.database),
    )


def _catalogue(config: Config, providers: Mapping[str, Provider]) -> Catalogue:
    try:
        return Catalogue.load(providers=providers, extra_path=config.catalogue_path, stand_in=config.fallback_engine)
    except CatalogueError as error:
        raise SettingError(str(error)) from error


def _safety(config: Config) -> Safety:
    try:
        return Safety.load(config.safety_rules_path, actions=config.safety_policy, relaxable=config.safety_relaxable)
    except RuleError as error:
        raise SettingError(str(error)) from error


def _drawing(ground: Ground, core: _Core) -> Drawing:
    observe = _observer(ground.telemetry)
    keeper = Keeper(ground.gallery, ground.storehouse, ground.studio)
    return Drawing(
        database=ground.database,
        router=core.router,
        orders=Orders(
            core.steps,
            core.router,
            keeper,
            core.own_keys,
            core.catalogue.costs,
            Reconciler(ground.database, ask_seconds=ground.config.ask_seconds),
            core.callbacks,
            observe=observe,
            show=core.partials.show,
        ),
        inputs=Inputs(ground.gallery, ground.objects, ground.studio, white_masks=core.catalogue.has_white_masks),
        secrets=core.secrets,
        own_keys=core.own_keys,
        memory=PictureMemory(ground.config.picture_bytes),
        replica=core.replica,
        salvage_seconds=ground.config.salvage_seconds,
    )


def _worker(ground: Ground, core: _Core, drawing: Drawing) -> Worker:
    return Worker(
        database=ground.database,
        steps=core.steps,
        drawing=drawing,
        settlement=core.settlement,
        watches=core.watches,
        live=core.live,
        secrets=core.secrets,
        retirement=tariff.retirement(core.catalogue),
        pricing=tariff.pricing(core.catalogue),
        delivered=core.measurements.delivered,
        span=ground.telemetry.span,
        capacity=ground.config.task_capacity,
        waiting_capacity=ground.config.waiting_task_capacity,
        salvage_seconds=ground.config.salvage_seconds,
        late_seconds=ground.config.late_seconds,
    )


def _admission(ground: Ground, core: _Core, dispatch: Dispatch, gate: Gate) -> Admission:
    return Admission(
        database=ground.database,
        steps=core.steps,
        catalogue=core.catalogue,
        screening=Screening(ground.database, core.catalogue, core.safety),
        router=core.router,
        billing=ground.billing,
        dispatch=dispatch,
        settlement=core.settlement,
        secrets=core.secrets,
        own_keys=core.own_keys,
        watches=core.watches,
        gate=gate,
        quota=StorageQuota(ground.gallery.used_bytes),
        replica=core.replica,
        deadline_seconds=ground.config.job_deadline_seconds,
    )


def _rooms(ground: Ground, core: _Core) -> _Rooms:
    database, drawing, gate = ground.database, _drawing(ground, core), Gate(ground.storehouse)
    worker = _worker(ground, core, drawing)
    dispatch = Dispatch(
        database=database,
        steps=core.steps,
        worker=worker,
        watches=core.watches,
        live=core.live,
        replica=core.replica,
    )
    recoverer = Recoverer(
        database,
        core.steps,
        core.router,
        core.settlement,
        ground.gallery,
        core.replica,
        core.catalogue.costs,
        pricing=tariff.pricing(core.catalogue),
        requeued=dispatch.wake,
        resumed=worker.launch,
    )
    admission = _admission(ground, core, dispatch, gate)
    late = LateOrders(database, drawing, core.replica, pause_seconds=ground.config.sweep_seconds)
    return _Rooms(gate, worker, dispatch, recoverer, admission, late)


async def _begin_work(stack: contextlib.AsyncExitStack, ground: Ground, core: _Core, rooms: _Rooms) -> None:
    config, database = ground.config, ground.database
    heartbeat = Heartbeat(database, core.replica, lease_seconds=config.lease_seconds, lost=rooms.worker.stop)
    await heartbeat.begin()
    pulse = Pulse(database, rooms.gate, queued=rooms.dispatch.wake, died=rooms.recoverer.recover)
    await pulse.look()
    sweeper = Sweeper(
        database=database,
        billing=ground.billing,
        settlement=core.settlement,
        recoverer=rooms.recoverer,
        worker=rooms.worker,
        partials=core.partials,
        replica=core.replica,
        seconds=config.sweep_seconds,
    )
    depth = ground.telemetry.metrics.queue_depth
    depth.labels("tasks").set_function(lambda: pulse.queued_count)
    depth.labels("running").set_function(lambda: rooms.worker.running)
    depth.labels("waiting").set_function(lambda: rooms.worker.waiting)
    work = [
        heartbeat.run(),
        pulse.run(),
        sweeper.run(),
        ground.storehouse.probe(),
        rooms.dispatch.claim(),
        core.settlement.run(),
        core.measurements.run(),
        rooms.late_orders.run(),
        core.watches.follow(),
        _hearing(config.database_url, core, rooms, pulse),
    ]
    if ground.outbox:
        work.append(ground.outbox.run())
    for coroutine in work:
        await stack.enter_async_context(running_task(coroutine))
    stack.push_async_callback(_hand_over, ground, core, rooms)


def _hearing(database_url: str, core: _Core, rooms: _Rooms, pulse: Pulse) -> Coroutine[Any, Any, None]:
    """Hear for ever what other replicas say; what was missed meanwhile is looked up."""
    heard: Mapping[str, Callable[[str], None]] = {
        leases.QUEUE_CHANNEL: lambda _: rooms.dispatch.wake(),
        provider_keys.CHANNEL: core.own_keys.changed,
        callbacks.CHANNEL: core.callbacks.hear,
    }

    async def resync() -> None:
        core.own_keys.forget_known()
        await pulse.look()

    return listen(database_url, list(heard), lambda channel, payload: heard[channel](payload), resync)


async def _hand_over(ground: Ground, core: _Core, rooms: _Rooms) -> None:
    await rooms.worker.stop()
    free = [name for name, provider in ground.providers.items() if provider.free_to_repeat]
    with contextlib.suppress(Fault):  # without the database the leases run out by themselves
        await leases.hand_over(ground.database, core.replica.id, free)
        await core.measurements.exchange()


def _jobs_servicer(ground: Ground, core: _Core, rooms: _Rooms) -> JobsServicer:
    return JobsServicer(
        ground.database,
        ground.objects,
        rooms.admission,
        Cancelling(ground.database, rooms.worker, core.settlement, core.replica),
        core.watches,
        caller_token_key=ground.config.caller_token_key,
    )


def _registrations(ground: Ground, core: _Core, gate: Gate, jobs: JobsServicer) -> tuple[Registration, ...]:
    package = "gesso.generator.v1"
    return (
        Registration(f"{package}.Jobs", rpc.add_JobsServicer_to_server, jobs),
        Registration(
            f"{package}.Models",
            rpc.add_ModelsServicer_to_server,
            ModelsServicer(core.catalogue, core.measurements),
        ),
        Registration(
            f"{package}.CustomModels",
            rpc.add_CustomModelsServicer_to_server,
            CustomModelsServicer(ground.database, core.catalogue, caller_token_key=ground.config.caller_token_key),
        ),
        Registration(
            f"{package}.Usage",
            rpc.add_UsageServicer_to_server,
            UsageServicer(ground.database, caller_token_key=ground.config.caller_token_key),
        ),
        Registration(
            f"{package}.Secrets",
            rpc.add_SecretsServicer_to_server,
            SecretsServicer(
                Sealing(ground.config.sealing_key), core.own_keys, caller_token_key=ground.config.caller_token_key
            ),
        ),
        Registration(f"{package}.Callbacks", rpc.add_CallbacksServicer_to_server, CallbacksServicer(core.callbacks)),
        Registration(
            f"{package}.Costs", rpc.add_CostsServicer_to_server, CostsServicer(ground.database, core.catalogue)
        ),
        Registration(
            f"{package}.Operations",
            rpc.add_OperationsServicer_to_server,
            OperationsServicer(ground.database, gate, core.keyring, ground.providers, ground.missing_variables),
        ),
    )


def _observer(telemetry: Telemetry) -> Callable[[str, str, float], None]:
    def observe(provider: str, outcome: str, seconds: float) -> None:
        telemetry.metrics.provider_seconds.labels(provider, outcome).observe(seconds)

    return observe
