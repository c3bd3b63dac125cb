"""What a provider reads of the environment is what it declares, under its vendor's own names."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from generator.providers.base import Provider, ProviderFactory
from generator.providers.registry import installed
from generator.providers.variables import Variable, declared, missing, parsed_value, value_of
from servicekit.settings import SettingError

FACTORIES = installed()
VENDORS: Mapping[str, str] = {
    "a1111": "A1111_BASE_URL",
    "ark": "ARK_API_KEY",
    "bfl": "BFL_API_KEY",
    "comfyui": "COMFYUI_BASE_URL",
    "dashscope": "DASHSCOPE_API_KEY",
    "fal": "FAL_KEY",
    "google": "GEMINI_API_KEY",
    "ideogram": "IDEOGRAM_API_KEY",
    "magnific": "MAGNIFIC_API_KEY",
    "minimax": "MINIMAX_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "replicate": "REPLICATE_API_TOKEN",
    "reve": "REVE_API_KEY",
    "stability": "STABILITY_API_KEY",
    "together": "TOGETHER_API_KEY",
}
"""What configures each. Source: contract.md, "A provider is configured by its vendor's own variables"."""
ENGINES = {"sketch", "upscaling"}
SECRET = "a-very-secret-value"


class Recording(Mapping[str, str]):
    """An environment that notes what is asked of it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("a provider asks for what it knows by name")

    def __len__(self) -> int:
        return len(self._values)


each_factory = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)


async def opened(factory: ProviderFactory, environ: Mapping[str, str]) -> Provider:
    provider = factory.open(environ)
    await provider.close()
    return provider


@each_factory
async def test_a_provider_reads_the_variables_that_it_declares_and_no_other(factory: ProviderFactory) -> None:
    environ = Recording({})
    await opened(factory, environ)
    assert environ.asked == {variable.name for variable in factory.variables}


@each_factory
async def test_what_is_needed_is_what_configures_a_provider(factory: ProviderFactory) -> None:
    needed = {variable.name: "http://127.0.0.1:1" for variable in factory.variables if variable.needed}
    assert (await opened(factory, needed)).configured
    for name in needed:
        assert not (await opened(factory, {**needed, name: ""})).configured


def test_each_vendor_is_configured_by_its_own_variable_and_takes_another_address() -> None:
    assert FACTORIES.keys() == VENDORS.keys() | ENGINES
    for name, configuring in VENDORS.items():
        assert missing({}, FACTORIES[name].variables) == [configuring]
        addresses = {variable.name for variable in FACTORIES[name].variables if variable.name.endswith("_BASE_URL")}
        assert f"{configuring.partition('_')[0]}_BASE_URL" in addresses


@each_factory
def test_what_opens_a_vendors_account_is_declared_as_secret_and_all_is_explained(factory: ProviderFactory) -> None:
    for variable in factory.variables:
        assert variable.secret == variable.name.endswith(("_KEY", "_TOKEN", "_AUTH", "_SECRET")), variable.name
        assert variable.doc.endswith((".", "…"))


@each_factory
async def test_a_secret_is_in_no_text_of_a_provider(factory: ProviderFactory) -> None:
    values = {variable.name: SECRET if variable.secret else "http://127.0.0.1:1" for variable in needed_of(factory)}
    provider = await opened(factory, values)
    parts = [part for part in vars(provider).values() if not isinstance(part, str)]
    assert SECRET not in repr([provider, factory, *parts])


def needed_of(factory: ProviderFactory) -> Sequence[Variable]:
    return [variable for variable in factory.variables if variable.needed or variable.secret]


def test_a_variable_that_cannot_be_read_is_told_by_its_name_and_a_secret_one_without_its_value() -> None:
    plain, secret = Variable("ACME_SIZE", "A size."), Variable("ACME_KEY", "A key.", secret=True)
    environ = {"ACME_SIZE": "large", "ACME_KEY": SECRET}
    with pytest.raises(SettingError, match="ACME_SIZE: cannot read 'large'"):
        parsed_value(environ, plain, int)
    with pytest.raises(SettingError, match="ACME_KEY: cannot read its value") as caught:
        parsed_value(environ, secret, float)
    assert SECRET not in str(caught.value)


def test_an_empty_variable_is_an_unset_one() -> None:
    address = Variable("ACME_BASE_URL", "An address.", default="https://acme.example")
    assert value_of({"ACME_BASE_URL": ""}, address) == value_of({}, address) == "https://acme.example"


def test_a_provider_is_given_nothing_of_the_environment_but_what_it_declares() -> None:
    own = Variable("ACME_KEY", "A key.")
    assert declared({"ACME_KEY": "ours", "OPENAI_API_KEY": "others"}, [own]) == {"ACME_KEY": "ours"}
