"""Start, watch and end the local stack's servers."""
