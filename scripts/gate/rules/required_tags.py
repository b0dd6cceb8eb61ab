"""Every resource that takes tags has the tags service, environment, owner and repository."""

from collections.abc import Iterator

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan
from scripts.gate.reading.references import describe_value

REQUIRED = ("service", "environment", "owner", "repository")


def check(plan: Plan) -> Iterator[Finding]:
    facts = {"environment": plan.variable("environment"), "owner": plan.variable("owner")}
    facts["service"] = plan.names.service if plan.names else None
    for resource in plan.planned():
        if "tags_all" not in resource.after:
            continue
        tags = resource.after["tags_all"]
        if tags is UNKNOWN:
            yield Finding(resource.address, describe_value(plan, resource, "tags", tags), "tags known at plan time")
            continue
        missing = [tag for tag in REQUIRED if not (tags or {}).get(tag)]
        if missing:
            yield Finding(resource.address, f"no tag {', '.join(missing)}", f"the tags {', '.join(REQUIRED)}")
            continue
        for tag, expected in facts.items():
            if expected and tags[tag] not in {expected, UNKNOWN}:
                yield Finding(resource.address, f"tag {tag} = {tags[tag]}", f"{tag} = {expected}")
