"""The table of variables gives each service all that its settings need."""

import dataclasses
import importlib
import os
from pathlib import Path

import pytest

from embedded.environment import NAMES, SECRETS, SERVICES, Service, Wiring, environment
from embedded.layout import Layout, State
from embedded.ports import Ports
from generator.providers.registry import installed
from servicekit.settings import load

WIRING = Wiring(
    layout=Layout(home=Path("/home/of/gesso"), sockets=Path("/home/of/gesso/run")),
    state=State(secrets=dict.fromkeys(SECRETS, "00" * 32), url="http://127.0.0.1:1", files_url="http://127.0.0.1:2"),
    database_urls={name: f"postgresql://{name}@/gesso" for name in NAMES},
    host="127.0.0.1",
    ports=Ports(edge=1, files=2, metrics=(3, 4, 5, 6, 7)),
)


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_a_services_settings_load_from_what_it_is_told(service: Service) -> None:
    config = importlib.import_module(f"{service.name}.config").Config
    assert load(config, environment(service, WIRING, {})) is not None


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_a_service_is_told_nothing_that_it_does_not_read(service: Service) -> None:
    config = importlib.import_module(f"{service.name}.config").Config
    read = {field.metadata["env"] for field in dataclasses.fields(config)}
    assert set(service.variables) <= read


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_grpc_leaves_a_services_children_alone(service: Service) -> None:
    """With its preparations for a fork, grpcio 1.85 ended one in some dozens before it became the decoder of pictures."""
    assert environment(service, WIRING, {"GRPC_ENABLE_FORK_SUPPORT": "1"})["GRPC_ENABLE_FORK_SUPPORT"] == "0"


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_grpc_does_without_its_event_engine(service: Service) -> None:
    assert environment(service, WIRING, {})["GRPC_EXPERIMENTS"] == os.environ["GRPC_EXPERIMENTS"]


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_vendors_variables_reach_the_generator_and_no_other_service(service: Service) -> None:
    variables = [variable.name for factory in installed().values() for variable in factory.variables]
    operators = {name: "theirs" for name in variables if not name.startswith("GESSO_")}
    told = environment(service, WIRING, operators)
    assert {name for name in operators if name in told} == (set(operators) if service.name == "generator" else set())


def test_the_edge_uploads_inputs_on_this_machine_whatever_name_the_files_have_in_public() -> None:
    gateway = next(service for service in SERVICES if service.name == "gateway")
    state = dataclasses.replace(WIRING.state, files_url="https://pictures.example.com")
    wiring = dataclasses.replace(WIRING, state=state, host="0.0.0.0")  # noqa: S104 - as an operator may write it
    assert environment(gateway, wiring, {})["GESSO_FILES_URL"] == "https://pictures.example.com"
    assert environment(gateway, wiring, {})["GESSO_UPLOADS_URL"] == "http://127.0.0.1:2"
    assert environment(gateway, wiring, {"GESSO_UPLOADS_URL": "http://own:9"})["GESSO_UPLOADS_URL"] == "http://own:9"
