"""Changed rows of a query, sent to an HTTP API in batches."""
