"""One SQL statement in an environment's warehouse, as whoever runs its flows."""
