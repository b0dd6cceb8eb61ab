"""What a plan must show in full, so that it can be checked before anything is applied."""

from scripts.gate.reading.documents import ATTRIBUTES
from scripts.gate.reading.plan import UNKNOWN, Plan
from scripts.gate.reading.references import is_configured, why_unknown

DOCUMENTS = {*ATTRIBUTES, "container_definitions", "event_pattern", "inline_policy", "redrive_policy"}


def unknown_documents(plan: Plan) -> list[str]:
    """Every policy, trust policy, container definition and pattern that the apply alone would show, and why."""
    return [
        f"{resource.address}: {attribute} is {why_unknown(plan, resource, attribute)}"
        for resource in plan.planned()
        for attribute, value in resource.after.items()
        if attribute in DOCUMENTS and value is UNKNOWN and is_configured(plan, resource, attribute)
    ]


def types_with_documents(plan: Plan) -> set[str]:
    """Types of the resources of which the plan shows such a document."""
    return {
        resource.type
        for resource in plan.planned()
        for attribute, value in resource.after.items()
        if attribute in DOCUMENTS and isinstance(value, str) and value
    }
