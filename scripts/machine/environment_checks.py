"""Checks of the way to an environment. For `local` they ask nothing but 127.0.0.1."""

import os
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

from scripts.machine.looking import Check
from scripts.shared.environments import Environment, find_environment
from scripts.shared.refusal import Refusal

if TYPE_CHECKING:
    from scripts.shared.local_settings import LocalSettings

# AWS refuses a request whose time is five minutes off, some services sooner.
CLOCK_SECONDS = 60
WAIT_SECONDS = 5


def checks(name: str) -> list[Check]:
    """Those of the environment of that name, which must exist.

    Raises:
        Refusal: there is no such environment.
        ImportError: nothing is installed yet.
    """
    if name == "local":
        return _local_checks()
    environment = find_environment(name)
    asked = {"facts": facts, "AWS": account, "Prefect": prefect, "clock": clock}
    return [Check(each, partial(look, environment)) for each, look in asked.items()]


def _local_checks() -> list[Check]:
    from scripts.shared.local_settings import LocalSettings, SettingsError

    try:
        settings = LocalSettings.load()
    except SettingsError as error:
        return [Check("settings", partial(_refuse, str(error)))]
    environment = find_environment("local")
    ports = [Check(name.replace("_", " "), partial(port, settings, name)) for name in settings.ports()]
    return [Check("facts", partial(facts, environment)), *ports, Check("clock", partial(clock, environment))]


def _refuse(message: str) -> str:
    raise Refusal(message)


def facts(environment: Environment) -> str:
    """Whether the file of facts can be read."""
    return f"{environment.tfvars.name}: account {environment.facts['account_id']}, {environment.facts['region']}"


def account(environment: Environment) -> str:
    """Whose credentials these are."""
    return f"{environment.require_account()}, the account of {environment.tfvars.name}"


def port(settings: "LocalSettings", name: str) -> str:
    """Free, or held by our own stack."""
    from scripts.local_stack.supervisor import ports, processes

    number = settings.ports()[name]
    if ports.is_free(number):
        return f"{number} is free"
    holder = ports.holder(number)
    own = [
        *processes.find_marked(processes.MARK, str(settings.directory)),
        *processes.find_task_processes(settings.tasks),
    ]
    if holder and holder.pid in {each.pid for each in own}:
        return f"{number} is held by the stack of {settings.directory}, which runs"
    ports.require_free(settings, [name])
    return f"{number} is free"


def prefect(environment: Environment) -> str:
    """Whether PREFECT_API_URL leads to the environment's Prefect, which answers and accepts the credential."""
    import httpx

    own, given = environment.facts["prefect_api_url"], os.environ.get("PREFECT_API_URL", "")
    if given.rstrip("/") != own.rstrip("/"):
        got = f"is {given}" if given else "is not set"
        raise Refusal(f"PREFECT_API_URL {got}; expected {own}: export PREFECT_API_URL={own}")
    key, auth = os.environ.get("PREFECT_API_KEY"), os.environ.get("PREFECT_API_AUTH_STRING")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    basic = httpx.BasicAuth(*auth.split(":", 1)) if auth and ":" in auth and not key else None
    address = f"{own.rstrip('/')}/work_pools/{environment.title}"
    answer = httpx.get(address, headers=headers, auth=basic, timeout=WAIT_SECONDS)
    if answer.status_code in (401, 403):
        raise Refusal(
            f"{own} does not accept the credential ({answer.status_code}); expected that of the environment: set "
            f"{environment.facts.get('prefect_credential', 'PREFECT_API_KEY')}."
        )
    if answer.status_code not in (200, 404):
        raise Refusal(f"{own} answers {answer.status_code}; expected a Prefect API: look whether it is well.")
    known = "is registered" if answer.status_code == 200 else "is not registered yet"
    return f"{own} answers; work pool {environment.title} {known}"


def clock(environment: Environment) -> str:
    """How far this machine's time is from that of the server that would judge it."""
    import httpx

    address = f"https://sts.{environment.facts['region']}.amazonaws.com"
    if environment.is_local:
        from scripts.shared.local_settings import LocalSettings

        address = LocalSettings.load().aws_endpoint_url
    try:
        answer = httpx.head(address, timeout=WAIT_SECONDS, trust_env=not environment.is_local)
    except httpx.ConnectError:
        if environment.is_local:
            return "not compared: the local stack does not run"
        raise
    off = abs((datetime.now(UTC) - parsedate_to_datetime(answer.headers["Date"])).total_seconds())
    if off > CLOCK_SECONDS:
        raise Refusal(
            f"got a time {off:.0f} s from that of {address}; expected at most {CLOCK_SECONDS}: set the clock."
        )
    return f"{off:.0f} s from {address}"
