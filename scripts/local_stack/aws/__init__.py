"""The embedded AWS of the local stack."""
