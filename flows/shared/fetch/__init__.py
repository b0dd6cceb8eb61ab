"""Pages of an HTTP API, landed as files that a data set loads."""
