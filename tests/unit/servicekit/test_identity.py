"""Who may call what between services."""

import pytest

from servicekit.faults import Forbidden
from servicekit.identity import OPERATOR, Access, format_peers, parse_peers

TOKENS = {"gateway": "a", "generator": "b", OPERATOR: "c"}
GRANTS = {
    "p.Jobs": frozenset({"gateway"}),
    "p.Jobs/Start": frozenset({"generator"}),
    "p.Jobs/List": frozenset[str](),
}
ACCESS = Access(parse_peers(format_peers(TOKENS)), GRANTS)


@pytest.mark.parametrize(
    ("method", "service", "allowed"),
    [
        ("/p.Jobs/Get", "gateway", True),
        ("/p.Jobs/Get", "generator", False),
        ("/p.Jobs/Start", "generator", True),
        ("/p.Jobs/Start", "gateway", False),
        ("/p.Jobs/List", "gateway", False),
        ("/p.Jobs/List", OPERATOR, True),
        ("/p.Other/Get", "gateway", False),
        ("/p.Other/Get", OPERATOR, True),
    ],
)
def test_a_methods_own_entry_replaces_its_services(method: str, service: str, allowed: bool) -> None:
    if allowed:
        ACCESS.check(method, service, TOKENS[service])
    else:
        with pytest.raises(Forbidden):
            ACCESS.check(method, service, TOKENS[service])


@pytest.mark.parametrize(("service", "token"), [("gateway", "b"), ("gateway", ""), ("stranger", "a"), ("", "")])
def test_a_service_proves_itself_by_its_own_token(service: str, token: str) -> None:
    with pytest.raises(Forbidden):
        ACCESS.check("/p.Jobs/Get", service, token)


@pytest.mark.parametrize("text", ["gateway", "gateway:xyz", "gateway:00", ":" + "00" * 32])
def test_peers_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_peers(text)
