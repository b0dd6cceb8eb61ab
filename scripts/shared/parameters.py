"""Names and types of an environment's SSM parameters. `make secret` writes their values, Terraform never."""

from difflib import get_close_matches
from typing import Any

from scripts.shared import flow_secrets
from scripts.shared.environments import Environment
from scripts.shared.known_parameters import parameter_types, with_companions
from scripts.shared.refusal import Refusal

# What registration in the pipeline and `make alerts` read, by the channel that needs it.
OF_CHANNELS = {
    "pagerduty": ("PAGERDUTY_ROUTING_KEY", "PAGERDUTY_ENDPOINT"),
    "slack": ("SLACK_WEBHOOK_URL",),
    "teams": ("TEAMS_WEBHOOK_URL",),
}


def environment_parameters(environment: Environment) -> dict[str, str]:
    """Type (`String` or `SecureString`) by name, of every parameter that runs may receive.

    Raises:
        Refusal: a flow file declares secrets that cannot be read.
    """
    facts = environment.facts
    declared = (name for names in flow_secrets.declared().values() for name in with_companions(names, facts))
    return parameter_types(facts, declared)


def writable_parameters(environment: Environment) -> dict[str, str]:
    """Type by name, of every parameter that somebody writes by hand: those of runs and those of alerts.

    The local stack makes its Prefect credential itself, and its registration reads the channels' from the shell.
    """
    found = environment_parameters(environment)
    if environment.is_local:
        return {name: kind for name, kind in found.items() if name != environment.facts["prefect_credential"]}
    alerts: dict[str, Any] = environment.facts["alerts"]
    return found | {
        name: "SecureString" for channel, each in OF_CHANNELS.items() if alerts.get(channel) for name in each
    }


def require_known(environment: Environment, name: str) -> str:
    """The type of a parameter that somebody writes by hand.

    Raises:
        Refusal: the environment has no such parameter; with the nearest names.
    """
    known = writable_parameters(environment)
    if name in known:
        return known[name]
    if name == environment.facts["prefect_credential"]:
        raise Refusal(
            f"{name}: got a value for the local stack's Prefect; expected none: `make up` makes it anew at each start, "
            "and `make open` signs in with it."
        )
    near = get_close_matches(name.upper(), known, n=3) or sorted(known)
    raise Refusal(
        f'NAME is "{name}", which is no parameter of {environment.name}; expected a name such as {", ".join(near)}. '
        'To add one, write it into the flow file that needs it, such as `secrets = ["SHOP_API_TOKEN"]`.'
    )
