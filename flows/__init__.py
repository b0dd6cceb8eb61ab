"""Data flows: one flow per file, and in `shared/` what several of them use."""
