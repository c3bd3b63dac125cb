"""The installed providers are the entry points `gesso.providers`: ours, and those of any other package."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata

from generator.providers.base import Provider, ProviderFactory
from generator.providers.variables import declared, missing

GROUP = "gesso.providers"


def installed(points: Iterable[metadata.EntryPoint] | None = None) -> Mapping[str, ProviderFactory]:
    """The factories that the entry points name, of all packages where none are given, by the provider's name."""
    factories: dict[str, ProviderFactory] = {}
    for point in metadata.entry_points(group=GROUP) if points is None else points:
        factory: ProviderFactory = point.load()
        assert factory.name not in factories, f"two packages bring a provider {factory.name!r}"
        factories[factory.name] = factory
    return factories


def open_providers(environ: Mapping[str, str]) -> Mapping[str, Provider]:
    """Make every installed provider from the variables that it declares, by its name; no network is touched.

    Raises SettingError for a variable that cannot be read.
    """
    return {name: factory.open(declared(environ, factory.variables)) for name, factory in installed().items()}


def missing_variables(environ: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """The names of what each installed provider needs and the environment does not have."""
    return {name: missing(environ, factory.variables) for name, factory in installed().items()}
