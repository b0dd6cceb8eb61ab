"""Which deployments `make up` runs, and in what order.

A deployment is run if it has the tag `run:up`, or `run:up:2` if others must run before it. Lower numbers run first,
`run:up` alone counts as 0, and deployments with the same number run in the order of their names.
"""

from collections.abc import Collection, Mapping

from scripts.shared.refusal import Refusal
from scripts.shared.run_tags import RUN_UP

TAG = "run:up"


def order_runs(deployments: Mapping[str, Collection[str]]) -> list[str]:
    """Names of the deployments to run, first to last, of all deployments' tags by name.

    Raises:
        Refusal: a tag begins with `run:up` and goes on in another form.
    """
    numbers: dict[str, int] = {}
    for name, tags in deployments.items():
        for tag in (tag for tag in tags if tag.startswith(TAG)):
            form = RUN_UP.fullmatch(tag)
            if not form:
                raise Refusal(f"{name}: got tag {tag}; expected {TAG} or {TAG}:<number>, such as {TAG}:2.", 1)
            numbers[name] = int(form[1] or 0)
    return sorted(numbers, key=lambda name: (numbers[name], name))
