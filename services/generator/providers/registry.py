"""The installed providers are the entry points `gesso.providers`: ours, and those of any other package."""

from collections.abc import Mapping
from importlib import metadata

from generator.providers.base import Provider, ProviderFactory

GROUP = "gesso.providers"


def open_providers(environ: Mapping[str, str]) -> Mapping[str, Provider]:
    """Make every installed provider from the environment, by its name; no network is touched."""
    providers: dict[str, Provider] = {}
    for point in metadata.entry_points(group=GROUP):
        factory: ProviderFactory = point.load()
        assert factory.name not in providers, f"two packages bring a provider {factory.name!r}"
        providers[factory.name] = factory.open(environ)
    return providers
