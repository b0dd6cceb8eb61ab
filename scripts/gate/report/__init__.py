"""The gate's page for the reviewer of a plan."""
