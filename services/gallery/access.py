"""Who may call the gallery."""

ACCESS = {
    "gesso.gallery.v1.Images": frozenset({"gateway", "generator"}),
    "gesso.gallery.v1.Images/SignImages": frozenset({"generator"}),
    "gesso.gallery.v1.Images/SignImagesBatches": frozenset({"generator"}),
    "gesso.gallery.v1.Images/RecordImages": frozenset({"generator"}),
    "gesso.gallery.v1.Images/RecordImagesBatches": frozenset({"generator"}),
    "gesso.gallery.v1.Images/ListImages": frozenset[str](),
    "gesso.gallery.v1.Inputs": frozenset({"gateway"}),
}
"""Full service names, or methods where one differs; the operator may call all of them."""

UPLOADERS = frozenset({"gateway"})
"""Who may post input pictures to the files port."""
