"""Folders of SQL files, each of which makes one table or view."""
