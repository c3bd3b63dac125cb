"""The documented routes that this version does not serve yet: they are answered by 501, for their callers to know that they exist.

Source: imagegen-v2.md, and contract.md, "imagegen", for the routes that the document only implies.
"""

from gateway.about import About, Parameter
from gateway.dialects.base import Route, Unserved

_PARAMETERS = {
    "{id}": Parameter("id", "path", "The thing's id.", str, "01JZX4T7Q2M5V8N3B6C9D0E1F2"),
    "{delivery_id}": Parameter("delivery_id", "path", "The delivery's id.", str, "dlv_01JZX4T7Q2M5V8N3B6C9D0E1F2"),
}
_PATHS = (
    ("POST", "/api/v2/process/filters", "filters", "Apply filters to a picture"),
    ("POST", "/api/v2/process/remove-background", "remove_background", "Remove or replace a picture's background"),
    ("POST", "/api/v2/process/upscale", "upscale", "Enlarge a picture"),
    ("GET", "/api/v2/gallery", "gallery", "List the gallery"),
    ("GET", "/api/v2/gallery/public", "public_gallery", "List what is public"),
    ("POST", "/api/v2/gallery/items", "add_item", "Add a picture to the gallery"),
    ("GET", "/api/v2/gallery/items/{id}", "item", "Look up an item of the gallery"),
    ("PATCH", "/api/v2/gallery/items/{id}", "change_item", "Change an item of the gallery"),
    ("DELETE", "/api/v2/gallery/items/{id}", "delete_item", "Delete an item of the gallery"),
    ("POST", "/api/v2/gallery/items/{id}/like", "like_item", "Like an item"),
    ("DELETE", "/api/v2/gallery/items/{id}/like", "unlike_item", "Take a like back"),
    ("GET", "/api/v2/gallery/items/{id}/download", "download_item", "Download an item"),
    ("GET", "/api/v2/collections", "collections", "List the collections"),
    ("POST", "/api/v2/collections", "create_collection", "Create a collection"),
    ("GET", "/api/v2/collections/{id}", "collection", "Look up a collection"),
    ("PATCH", "/api/v2/collections/{id}", "change_collection", "Change a collection"),
    ("DELETE", "/api/v2/collections/{id}", "delete_collection", "Delete a collection"),
    ("GET", "/api/v2/collections/{id}/items", "collection_items", "List the items of a collection"),
    ("POST", "/api/v2/collections/{id}/items", "add_collection_item", "Add an item to a collection"),
    ("DELETE", "/api/v2/collections/{id}/items", "remove_collection_item", "Take an item out of a collection"),
    ("GET", "/api/v2/webhooks", "webhooks", "List the webhooks"),
    ("POST", "/api/v2/webhooks", "create_webhook", "Create a webhook"),
    ("GET", "/api/v2/webhooks/signing-secret", "signing_secret", "Show the secret that signs direct deliveries"),
    ("GET", "/api/v2/webhooks/{id}", "webhook", "Look up a webhook"),
    ("PATCH", "/api/v2/webhooks/{id}", "change_webhook", "Change a webhook"),
    ("DELETE", "/api/v2/webhooks/{id}", "delete_webhook", "Delete a webhook"),
    ("POST", "/api/v2/webhooks/{id}/test", "test_webhook", "Send a test event"),
    ("POST", "/api/v2/webhooks/{id}/rotate-secret", "rotate_webhook_secret", "Give a webhook a new secret"),
    ("GET", "/api/v2/webhooks/{id}/deliveries", "deliveries", "List a webhook's deliveries"),
    ("POST", "/api/v2/webhooks/{id}/deliveries/{delivery_id}/redeliver", "redeliver", "Send a delivery again"),
    ("GET", "/api/v2/integrations", "integrations", "List the connected services"),
    ("POST", "/api/v2/integrations/connect", "connect_integration", "Connect a service"),
    ("DELETE", "/api/v2/integrations/{id}", "delete_integration", "Disconnect a service"),
    ("GET", "/api/v2/oauth/apps", "oauth_apps", "List the OAuth apps"),
    ("POST", "/api/v2/oauth/apps", "create_oauth_app", "Register an OAuth app"),
    ("GET", "/api/v2/oauth/apps/{id}", "oauth_app", "Look up an OAuth app"),
    ("PATCH", "/api/v2/oauth/apps/{id}", "change_oauth_app", "Change an OAuth app"),
    ("DELETE", "/api/v2/oauth/apps/{id}", "delete_oauth_app", "Delete an OAuth app"),
    ("GET", "/oauth/authorize", "oauth_consent", "Ask for consent"),
    ("POST", "/oauth/authorize", "oauth_authorize", "Give consent"),
    ("POST", "/oauth/token", "oauth_token", "Get an access token"),
    ("POST", "/oauth/revoke", "oauth_revoke", "Revoke a token"),
    ("GET", "/.well-known/oauth-authorization-server", "oauth_metadata", "Look up where OAuth is served"),
)


_KEYLESS = frozenset(
    {"public_gallery", "oauth_consent", "oauth_authorize", "oauth_token", "oauth_revoke", "oauth_metadata"}
)
"""Those that will ask for no key: what is public, and where apps and people show who they are by other means."""


def _route(method: str, path: str, name: str, summary: str) -> Route:
    parameters = tuple(parameter for mark, parameter in _PARAMETERS.items() if mark in path)
    message = f"{method} {path} is not served by this version yet."
    about = About(summary, "Not served by this version.", parameters=parameters)
    return Route(method, path, name, Unserved(message), about, keyless=name in _KEYLESS)


ROUTES = tuple(_route(*row) for row in _PATHS)
"""Each answers 501 NOT_IMPLEMENTED."""
