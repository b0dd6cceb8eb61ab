"""The gate's rules, one property a file."""
