"""The embedded Snowflake of the local stack."""
