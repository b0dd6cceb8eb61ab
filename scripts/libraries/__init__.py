"""Adds, removes and upgrades the libraries of requirements/: resolved, locked and installed, or left as they were."""
