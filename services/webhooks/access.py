"""Who may call the webhooks service."""

ACCESS = {
    "gesso.webhooks.v1.Events": frozenset({"billing", "gallery", "generator"}),
    "gesso.webhooks.v1.Deliveries": frozenset({"gateway"}),
    "gesso.webhooks.v1.SigningSecrets": frozenset({"gateway"}),
}
"""Full service names, or methods where one differs; the operator may call all of them."""
