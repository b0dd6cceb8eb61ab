"""The order of all tests: with two workers, what takes longest must begin first."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the end-to-end tests first, then what starts servers or Terraform, then the rest."""
    slow = ("end_to_end", "local_stack", "modules", "terraform", "flows")
    items.sort(key=lambda item: slow.index(item.path.parent.name) if item.path.parent.name in slow else len(slow))
