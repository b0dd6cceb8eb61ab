"""Published figures: one file for each, with its peer in the same run."""
