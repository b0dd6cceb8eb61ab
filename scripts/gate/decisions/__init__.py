"""What every argument of every resource type may be: tables, the forms in them, and the provider's schema."""
