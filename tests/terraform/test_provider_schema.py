"""The schema that decisions are held against is the one of the locked provider."""

from scripts.gate.decisions.schema import excerpt, read_schema


def test_the_excerpt_is_what_the_provider_says():
    """After an update: `python -m scripts.gate.decisions.schema`, then decide about what is new."""
    assert read_schema(excerpt()) == excerpt()
