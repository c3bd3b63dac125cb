"""`gesso` is the command line: the platform's start, its operator's commands, and pictures for people."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cli import accounts, costs, jobs, ledger, pictures_command, platform_commands, upstreams
from cli.errors import CommandFailed
from cli.money import micros_of
from cli.output import Result, show
from servicekit.version import VERSION


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command, as argparse takes it."""

    names: tuple[str, ...]
    help: str
    type: Callable[[str], object] = str
    default: object = None
    required: bool = False
    choices: tuple[str, ...] | None = None
    many: bool = False

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Declare it."""
        if not self.names[0].startswith("-"):
            parser.add_argument(*self.names, help=self.help, type=self.type, choices=self.choices)
            return
        parser.add_argument(
            *self.names,
            help=self.help,
            type=self.type,
            default=self.default,
            required=self.required,
            choices=self.choices,
            action="append" if self.many else "store",
        )


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words, what it does, its arguments, and the function that answers with a result.

    What only programs read (`always_json`) is printed as JSON without being asked for it.
    """

    words: tuple[str, ...]
    help: str
    run: Callable[[argparse.Namespace], Result]
    arguments: tuple[Argument, ...] = ()
    always_json: bool = False


_JSON = "--json"
_ACCOUNT = Argument(("account",), "the account's id, acct_…")
_JOB = Argument(("job",), "the job's id, job_…")
_REQUEST_ID = Argument(("--request-id",), "repeat with the same one to do it once")

COMMANDS: tuple[Command, ...] = (
    Command(
        ("accounts", "create"),
        "make an account and its first api key",
        accounts.create,
        (
            Argument(("--name",), "the account's name", required=True),
            Argument(("--plan",), "its plan", default="free"),
            Argument(("--balance-usd",), "dollars to begin with", type=micros_of, default=0),
            Argument(("--email",), "where its owner is reached"),
            _REQUEST_ID,
        ),
        always_json=True,
    ),
    Command(("accounts", "list"), "list accounts", accounts.list_accounts),
    Command(("accounts", "show"), "show an account with its balance", accounts.show, (_ACCOUNT,)),
    Command(
        ("accounts", "set"),
        "change an account",
        accounts.change,
        (
            _ACCOUNT,
            Argument(("--plan",), "the new plan"),
            Argument(("--state",), "the new state", choices=("active", "suspended", "closed")),
            Argument(
                ("--limit",),
                "NAME=NUMBER, as imagegen.minute=600 (or storage_mb, retention_days, max_concurrency); 0 is no bound, "
                "=default lifts the override",
                many=True,
            ),
            Argument(("--subscription",), "whether the subscription is paid", choices=("active", "inactive")),
            Argument(("--email",), "the owner's address, or '' for none"),
            Argument(
                ("--safety",), "GROUP=block, =flag or =off for a group of prompt rules; =default lifts it", many=True
            ),
        ),
    ),
    Command(
        ("credits", "grant"),
        "add money to an account",
        accounts.grant,
        (
            _ACCOUNT,
            Argument(("--usd",), "dollars", type=micros_of, required=True),
            Argument(("--cause",), "for the audit", default="granted by the operator"),
            _REQUEST_ID,
        ),
    ),
    Command(
        ("keys", "create"),
        "make an api key",
        accounts.create_key,
        (_ACCOUNT, Argument(("--name",), "the key's name", required=True), _REQUEST_ID),
    ),
    Command(("keys", "list"), "list an account's api keys", accounts.list_keys, (_ACCOUNT,)),
    Command(
        ("keys", "revoke"),
        "revoke an api key",
        accounts.revoke_key,
        (Argument(("key",), "the key's id, key_…, or the key itself"),),
    ),
    Command(
        ("keys", "rewrap"),
        "put the accounts' stored provider keys under the first of GESSO_SECRETS_KEYS",
        platform_commands.rewrap_keys,
    ),
    Command(
        ("models",), "list the models, for operators with who draws each or what is missing", pictures_command.models
    ),
    Command(
        ("generate",),
        "draw pictures and save them",
        pictures_command.generate,
        (
            Argument(("prompt",), "what to draw"),
            Argument(("-m", "--model"), "the model; see `gesso models`"),
            Argument(("-o", "--output"), "the file, ending in .png, .jpg or .webp", default="picture.png"),
            Argument(("-n",), "how many", type=int, default=1),
            Argument(("--size",), "as 1024x1024"),
            Argument(("--quality",), "as the model knows it"),
        ),
    ),
    Command(("jobs", "show"), "show a job", jobs.show, (_JOB,)),
    Command(("jobs", "watch"), "wait until a job has ended", jobs.watch, (_JOB,)),
    Command(("jobs", "cancel"), "cancel what of a job has not started", jobs.cancel, (_JOB,)),
    Command(("ledger", "verify"), "check every invariant of money, jobs and pictures", ledger.verify),
    Command(
        ("costs",),
        "show what orders cost beside what was paid for them, losses, and prices to be looked at",
        costs.costs,
        (
            Argument(("--since",), "the first UTC day, as 2026-11-01"),
            Argument(("--until",), "the last UTC day, included"),
            Argument(("--by",), "what rows are summed by", default="model", choices=tuple(costs.KEYS)),
        ),
    ),
    Command(
        ("maintenance",),
        "pause or resume purchases",
        platform_commands.maintenance,
        (
            Argument(("state",), "on or off", choices=("on", "off")),
            Argument(("--retry-after",), "seconds that callers are told to wait", type=int, default=60),
        ),
    ),
    Command(("upstreams", "faults"), "list what scripted vendors can be told to do", upstreams.faults),
    Command(("engines", "install"), "install what the embedded engines need", platform_commands.install_engines),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name."""
    words = list(sys.argv[1:] if argv is None else argv)
    _become_another_program([word for word in words if word != _JSON], [_JSON] if _JSON in words else [])
    arguments = _parser().parse_args(words)
    try:
        show(arguments.run(arguments), as_json=arguments.json)
    except CommandFailed as failure:
        print(f"gesso: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has seen enough
    except KeyboardInterrupt:
        sys.exit(130)


def _become_another_program(words: Sequence[str], asked: Sequence[str]) -> None:
    """Run the two commands that are programs of their own, never to return; `asked` is --json, where it was given.

    They are run with -P, as all our programs are: what lies in the folder of whoever calls us is never imported.
    """
    if list(words[:1]) == ["up"]:
        # The supervisor stays for hours: it is its own program, which loads next to nothing.
        os.execv(sys.executable, [sys.executable, "-P", "-m", "cli.up", *words[1:], *asked])  # noqa: S606
    if list(words[:2]) == ["upstreams", "serve"]:
        upstreams.serve([*words[2:], *asked])


def _parser() -> argparse.ArgumentParser:
    """The grammar of all commands; --json is taken before, between and after their words."""
    parser = argparse.ArgumentParser(prog="gesso", description="A self-hosted image-generation platform.")
    parser.add_argument("--version", action="version", version=f"gesso {VERSION}")
    _take_json(parser, default=False)
    groups = parser.add_subparsers(metavar="COMMAND", required=True)
    groups.add_parser("up", help="start the whole platform and stay in the foreground")
    known: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    for command in COMMANDS:
        place = groups
        if len(command.words) == 2:
            group = command.words[0]
            if group not in known:
                of_group = groups.add_parser(group, help=f"see `gesso {group} --help`")
                _take_json(of_group, default=argparse.SUPPRESS)
                known[group] = of_group.add_subparsers(metavar="COMMAND", required=True)
            place = known[group]
        leaf = place.add_parser(command.words[-1], help=command.help, description=command.help)
        _take_json(leaf, default=True if command.always_json else argparse.SUPPRESS)
        leaf.set_defaults(run=command.run)
        for argument in command.arguments:
            argument.add_to(leaf)
    known["upstreams"].add_parser("serve", help="serve scripted vendors, faults and all, for a rehearsal")
    return parser


def _take_json(parser: argparse.ArgumentParser, *, default: object) -> None:
    parser.add_argument(_JSON, action="store_true", default=default, help="print the result as JSON")


if __name__ == "__main__":
    main()
