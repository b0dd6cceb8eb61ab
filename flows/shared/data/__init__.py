"""Data sets: declared once, loaded from landing files and exported by shared code. docs/data-sets.md shows how."""
