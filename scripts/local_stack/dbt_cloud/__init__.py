"""The embedded dbt Cloud: its API, and jobs that run SQL models on the embedded Snowflake."""
