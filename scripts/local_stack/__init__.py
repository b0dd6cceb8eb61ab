"""The embedded AWS, Snowflake and Prefect that `make up` starts on one machine."""
