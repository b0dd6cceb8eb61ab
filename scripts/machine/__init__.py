"""What may be wrong with a machine or with the way to an environment. Nothing that is installed is needed to begin."""
