"""Whether anyone can move in: the repository as another team's own."""
