"""Snowflake's side of an environment: what should be there, as SQL; how it differs; and the key of its user."""
