"""Prompts are judged before anything is priced: a pure matter of the rules, the policy and the words, compiled once at start."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.safety.folding import Reader
from generator.safety.phrases import Phrase, Phrasebook, Span
from generator.safety.policy import Action, Policy
from generator.safety.rules import Rule, RuleBook, RuleError, read_rules
from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.faults import Fault

_STAGE = "input"


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A rule but for its patterns, which those of all rules are looked for with at once."""

    rule: Rule
    exceptions: Phrasebook[None]
    near: Phrasebook[None] | None

    def stands_near(self, words: Sequence[str]) -> Sequence[Span]:
        """Where what must be near stands, in order."""
        return [] if self.near is None else sorted(span for span, _ in self.near.spans(words))

    def broken(self, span: Span, words: Sequence[str], near: Sequence[Span]) -> bool:
        """Whether a pattern that stands at this span breaks it; `near` is what `stands_near` says of the same words."""
        if self.near is not None and not self._beside(near, span, words):
            return False
        return not self._excused(span, words)

    def _beside(self, near: Sequence[Span], span: Span, words: Sequence[str]) -> bool:
        reach = self.rule.within
        first = bisect_left(near, (span[0] - reach,))
        last = bisect_left(near, (span[1] + reach,))
        return any(not self._excused(one, words) for one in near[first:last])

    def _excused(self, span: Span, words: Sequence[str]) -> bool:
        """Whether each word of the span stands in an exception."""
        reach = self.exceptions.longest - 1
        start = max(span[0] - reach, 0)
        around = self.exceptions.spans(words[start : span[1] + reach])
        covered = {start + position for (first, behind), _ in around for position in range(first, behind)}
        return covered.issuperset(range(*span))


class Safety:
    """The compiled rules, and the operator's policy over them."""

    def __init__(self, book: RuleBook, policy: Policy | None = None) -> None:
        """Compile the rules; without a policy the groups' own actions hold. Raises RuleError, also for examples that fail.

        Only the operator's own rules are tried at their examples: what he changes may rightly contradict those of the house.
        """
        self._groups = book.groups
        self._policy = _policy_of(book) if policy is None else policy
        self._usual = self._policy.for_account({}, relaxes=False)
        order = list(book.groups)
        self._rules = [_compiled(book, rule) for rule in sorted(book.rules, key=lambda rule: order.index(rule.group))]
        self._patterns = Phrasebook(
            (phrase, number)
            for number, compiled in enumerate(self._rules)
            for phrase in book.phrases(compiled.rule.patterns)
        )
        self._reader = Reader(_vocabulary(book))
        self._prove(book.own_rules)

    @classmethod
    def load(
        cls, extra_path: Path | None, *, actions: Mapping[str, Action], relaxable: Collection[str] | None
    ) -> "Safety":
        """Read the rules, the operator's own file last, under the operator's policy. Raises RuleError."""
        book = read_rules(extra_path)
        try:
            policy = _policy_of(book).set(actions)
            return cls(book, policy if relaxable is None else policy.letting_relax(relaxable))
        except ValueError as error:
            raise RuleError(str(error)) from error

    def check(self, prompt: str, claims: CallerClaims) -> Sequence[str]:
        """The rules that flag the prompt. Raises Fault CONTENT_REFUSED with `field`, `cause`, `suggestion` and `stage`."""
        broken = self.broken(prompt)
        if not broken:
            return ()
        actions = self._usual
        if claims.safety or claims.relaxes_safety:
            actions = self._policy.for_account(claims.safety, relaxes=claims.relaxes_safety)
        for rule in broken:
            if actions[rule.group] is Action.BLOCK:
                raise self._refusal(rule)
        return [rule.id for rule in broken if actions[rule.group] is Action.FLAG]

    def broken(self, prompt: str) -> Sequence[Rule]:
        """Every rule that the prompt breaks, whatever the policy, in the order of the groups."""
        broken: set[int] = set()
        for words in self._reader.readings(prompt):
            if not self._patterns.anchors.isdisjoint(words):
                broken.update(self._broken(words))
        return [self._rules[number].rule for number in sorted(broken)]

    def _broken(self, words: Sequence[str]) -> Collection[int]:
        near: dict[int, Sequence[Span]] = {}
        broken: set[int] = set()
        decided: set[int] = set()
        for span, number in self._patterns.spans(words, decided):
            compiled = self._rules[number]
            if number not in near:
                near[number] = compiled.stands_near(words)
            if compiled.broken(span, words, near[number]):
                broken.add(number)
            if number in broken or (compiled.near is not None and not near[number]):
                decided.add(number)
        return broken

    def _refusal(self, rule: Rule) -> Fault:
        group = self._groups[rule.group]
        return Fault(
            reasons.REASON_CONTENT_REFUSED,
            "The prompt contains prohibited content",
            details={"field": "prompt", "cause": group.cause, "suggestion": group.suggestion, "stage": _STAGE},
        )

    def _prove(self, rules: Iterable[Rule]) -> None:
        for rule in rules:
            for example in rule.refuses:
                if rule not in self.broken(example):
                    raise RuleError(f"rule {rule.id} does not refuse its example {example!r}")
            for example in rule.passes:
                if rule in self.broken(example):
                    raise RuleError(f"rule {rule.id} refuses {example!r}, which it says that it lets pass")


def _policy_of(book: RuleBook) -> Policy:
    """What the rules themselves say."""
    groups = book.groups.values()
    return Policy(
        {group.name: Action.BLOCK if group.locked else group.action for group in groups},
        frozenset(group.name for group in groups if group.relaxable and not group.locked),
        frozenset(group.name for group in groups if group.locked),
    )


def _compiled(book: RuleBook, rule: Rule) -> _Compiled:
    return _Compiled(
        rule,
        Phrasebook((phrase, None) for phrase in book.phrases(rule.exceptions)),
        Phrasebook((phrase, None) for phrase in book.phrases(rule.near)) if rule.near else None,
    )


def _vocabulary(book: RuleBook) -> frozenset[str]:
    """The words that are looked for behind disguises. Those of exceptions are not: who means no harm writes plainly."""
    phrases: Iterable[Phrase] = (phrase for rule in book.rules for phrase in book.phrases((*rule.patterns, *rule.near)))
    return frozenset(word for phrase in phrases for place in phrase for word in place)
