"""Rows and objects that are deleted when their time is over, by declared rules."""
