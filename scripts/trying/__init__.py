"""Runs a flow of the working tree in the foreground, as its task would."""
