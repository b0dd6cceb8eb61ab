"""Every policy document and container definition is known at plan time, so the gate can read it."""

from collections.abc import Iterator

from scripts.gate.reading.documents import containers, documents
from scripts.gate.reading.plan import Finding, Plan

EXPECTED = "a document known at plan time: build ARNs from names, not from computed attributes"


def check(plan: Plan) -> Iterator[Finding]:
    for document in documents(plan):
        if document.problem:
            yield Finding(document.address, f"{document.attribute} {document.problem}", EXPECTED)
    for definition in containers(plan):
        if definition.problem:
            yield Finding(definition.resource.address, f"container_definitions {definition.problem}", EXPECTED)
