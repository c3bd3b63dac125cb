"""The prompt policy: which words a prompt may not hold, as data in rules.toml, and what becomes of those that do."""

from generator.safety.policy import Action, Policy, parse_actions, parse_groups
from generator.safety.prompts import Safety
from generator.safety.rules import Group, Rule, RuleBook, RuleError, read_rules

__all__ = [
    "Action",
    "Group",
    "Policy",
    "Rule",
    "RuleBook",
    "RuleError",
    "Safety",
    "parse_actions",
    "parse_groups",
    "read_rules",
]
