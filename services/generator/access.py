"""Who may call the generator."""

ACCESS = {
    "gesso.generator.v1.Jobs": frozenset({"gateway"}),
    "gesso.generator.v1.Jobs/ListSettlements": frozenset[str](),
    "gesso.generator.v1.Models": frozenset({"gateway"}),
    "gesso.generator.v1.CustomModels": frozenset({"gateway"}),
    "gesso.generator.v1.Usage": frozenset({"gateway"}),
    "gesso.generator.v1.Secrets": frozenset({"gateway"}),
    "gesso.generator.v1.Callbacks": frozenset({"gateway"}),
    "gesso.generator.v1.Costs": frozenset[str](),
    "gesso.generator.v1.Operations": frozenset({"gateway"}),
    "gesso.generator.v1.Operations/SetMaintenance": frozenset[str](),
    "gesso.generator.v1.Operations/RewrapProviderKeys": frozenset[str](),
    "gesso.generator.v1.Operations/ListProviders": frozenset[str](),
}
"""Full service names, or methods where one differs; the operator may call all of them."""
