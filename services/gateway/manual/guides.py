"""The pages to which messages send people: how keys are made, and how things are paid for."""

from gateway.manual import layout
from gateway.manual.html import block, code, element, link, paragraphs

_MAKE = """\
gesso accounts create --name NAME --plan PLAN --balance-usd 50
gesso keys create ACCOUNT --name NAME
gesso keys list ACCOUNT
gesso keys revoke KEY"""
_PAY = """\
gesso accounts show ACCOUNT
gesso credits grant ACCOUNT --usd 20"""
_PAYING = """\
All APIs of this platform draw on one balance in US dollars; each API shows it in its own credit.

Before anything is drawn, the highest possible price of the request is held. At its end only what was delivered is charged and the \
rest is free again; a request that fails or is refused costs nothing.

A request that the available balance (the balance less what is held) does not cover is refused, and nothing runs. \
With `dry_run=true` a request is priced without being run; `X-Gesso-Cost-Usd` says what one did cost."""


def keys() -> bytes:
    """How API keys are made, sent and revoked."""
    content = (
        element("h1", "API keys"),
        paragraphs(
            "An API key belongs to an account, and works in every API of this platform. It is shown once, when it is made: "
            "keep it like a password, and never put it into a page or an app.\n\n"
            "The operator of this platform makes keys and revokes them:"
        ),
        block(_MAKE, "Commands"),
        paragraphs("A key that is revoked stops working within five seconds."),
        element("p", "How a key is sent stands with each path in the ", link("documentation", "/docs"), "."),
    )
    return layout.page("API keys", content)


def billing() -> bytes:
    """How requests are paid for."""
    content = (
        element("h1", "Billing"),
        paragraphs(_PAYING),
        element("p", "The operator of this platform adds credit to an account:"),
        block(_PAY, "Commands"),
        element(
            "p",
            "What a refusal for want of credit looks like: ",
            link(code("INSUFFICIENT_FUNDS"), "/docs/errors/INSUFFICIENT_FUNDS"),
        ),
    )
    return layout.page("Billing", content)
