"""Tells Sentry of the exception that ends a flow run, where SENTRY_DSN is set (docs/decisions/0021-sentry.md)."""
