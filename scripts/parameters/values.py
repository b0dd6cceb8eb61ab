"""Where an environment's values are: in SSM, and for the local stack in `.secrets.env`, from which its SSM has them."""

from scripts.local_stack.running import runs
from scripts.parameters.store import Store
from scripts.parameters.table import describe
from scripts.shared import local_secrets
from scripts.shared.environments import Environment
from scripts.shared.local_settings import LocalSettings
from scripts.shared.parameter_forms import PASSPHRASE, PRIVATE_KEY, checked
from scripts.shared.parameters import writable_parameters


def prepare(environment: Environment, name: str, given: bytes) -> str:
    """What was given, as it is written.

    Raises:
        Refusal: it is not of the parameter's form.
    """
    passphrase = None
    if name == PRIVATE_KEY and PASSPHRASE in writable_parameters(environment):
        passphrase = _own(environment).get(PASSPHRASE) if environment.is_local else Store(environment).value(PASSPHRASE)
    return checked(name, given, passphrase)


def write(environment: Environment, name: str, value: str) -> str:
    """Write a value that `prepare` gave; returns where it is now, in words.

    Raises:
        Refusal: AWS refuses, or `.secrets.env` cannot be read.
    """
    store, kind = Store(environment), writable_parameters(environment)[name]
    if not environment.is_local:
        store.write(name, kind, value)
        return f"{name} is written to {store.path}. Tasks read it when they start."
    settings = LocalSettings.load()
    local_secrets.write(settings.secrets_file, name, value)
    if not runs(settings, "aws"):
        return f"{name} is in {settings.secrets_file.name}; the next `make up` takes it from there."
    store.write(name, kind, value)
    return f"{name} is in {settings.secrets_file.name} and in the running stack. Tasks read it when they start."


def show(environment: Environment) -> tuple[list[str], bool]:
    """Lines that tell what is there and what is missing, and whether all is as it should be."""
    store = Store(environment)
    if not environment.is_local:
        return describe(environment, store.stored(), store)
    there = store.stored() if runs(LocalSettings.load(), "aws") else {}
    return describe(environment, there, store, set(_own(environment)))


def _own(environment: Environment) -> dict[str, str]:
    return local_secrets.read(LocalSettings.load().secrets_file, environment)
