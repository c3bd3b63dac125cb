"""What the tests may do with a block of a document; a table of these says it for every block.

A block that is run is a `Case`: a customer, what stands before, what is run, and the answers that must come. What is compared
or used where another block is run is `PartOf` it. The rest is a check of its own, or `NotRun` for a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Key(Enum):
    """Which API key a case shows."""

    GOOD = "one of its account"
    UNKNOWN = "one that nobody has"


@dataclass(frozen=True, slots=True)
class Customer:
    """The account of a case, made for it alone; `limits` are its overrides, as `opscenter.day`."""

    plan: str
    usd: float
    key: Key = Key.GOOD
    email: str = ""
    name: str = "Documents"
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that the table writes out; in `path`, `{a.b}` is what the answer before this one has there."""

    method: str
    path: str
    body: object | None = None
    status: int = 200


class Client(Enum):
    """What runs a snippet."""

    CURL = "curl"
    PYTHON = "Python"
    OLD_SDK = "Python with openai 0.28"
    NODE = "Node.js"
    REACT = "Node.js, with the component's states in place of React's and without its markup"


@dataclass(frozen=True, slots=True)
class Snippet:
    """The block is a program.

    `after` is the earlier block that its free names are of. `calls` is put behind a block that only defines something. `typed` are
    the first states of a React component, as its user would have set them.
    """

    client: Client
    after: int | None = None
    calls: str = ""
    typed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The block is the JSON of a POST; `headers` is the block of its headers, `within` the list that it is an element of.

    Comments before the JSON are its request line and headers, as pixeldojo's document has them.
    """

    path: str = ""
    headers: int | None = None
    within: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """The block is a request line, or a query (spread over lines) for `path`."""

    path: str = ""


@dataclass(frozen=True, slots=True)
class Headers:
    """The block is request headers, which are sent with GET `path`; each one alone where `each` says that any of them will do.

    `keyless` headers are no credentials: the customer's are sent with them.
    """

    path: str
    each: bool = False
    keyless: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """A request that a case makes, and its answer: in the shape of block `like`, with the values that `same` names.

    `links` names addresses that must have the form which a block of its own describes: where, and that block. `echoed` is an object
    of the example that repeats what the example's own request had, and this one has not.
    """

    method: str
    path: str
    status: int = 200
    like: int | None = None
    same: tuple[str, ...] = ()
    links: tuple[str, int] | None = None
    echoed: str = ""


@dataclass(frozen=True, slots=True)
class Polled:
    """After the case, `path` is asked until it has `value` at `at`; the answer is in the shape of block `like`."""

    path: str
    at: str
    value: str
    like: int | None = None
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One run of a block; where the block is an answer, `run` is what provokes it.

    `names` replaces ids that the document made up by what the last answer of `before` has there. `prints` are patterns that the
    program's output has in this order. `delivered` is the block of the webhook that comes of it.
    """

    run: Snippet | Body | Line | Headers | Ask
    customer: Customer
    expects: tuple[Expected, ...]
    before: tuple[Ask, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    prints: tuple[str, ...] = ()
    polled: Polled | None = None
    delivered: int | None = None


@dataclass(frozen=True, slots=True)
class PartOf:
    """The block is used where block `ordinal` is run."""

    ordinal: int


@dataclass(frozen=True, slots=True)
class AnswerHeaders:
    """The block is headers, which every answer in this dialect bears; the figures of `same` are those of the customer's plan."""

    ask: Ask
    customer: Customer
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The block is a method and a path below `base`, which the platform's own description lists."""

    base: str = ""


@dataclass(frozen=True, slots=True)
class NotRun:
    """Why nothing can be done with the block."""

    reason: str


Use = Case | PartOf | AnswerHeaders | Endpoint | NotRun


@dataclass(frozen=True, slots=True)
class Row:
    """What is done with one block; its language and heading are told again, so that a document that changed is noticed."""

    ordinal: int
    language: str
    heading: str
    uses: tuple[Use, ...]


def row(ordinal: int, language: str, heading: str, *uses: Use) -> Row:
    """One line of a document's table."""
    return Row(ordinal, language, heading, uses)


@dataclass(frozen=True, slots=True)
class Document:
    """One of the documents: its hosts, the placeholders of its keys, and what is done with each of its blocks.

    Placeholders in `keys` become the customer's key, those in `words` the word beside them. `payload` are the blocks whose tasks
    make `payload.json`, which its curl examples read. `header` is how a key is sent where the table writes a request out.
    """

    name: str
    hosts: tuple[str, ...]
    keys: tuple[str, ...]
    rows: tuple[Row, ...]
    words: Mapping[str, str] = field(default_factory=dict)
    payload: tuple[int, ...] = ()
    header: tuple[str, str] = ("Authorization", "Bearer ")
