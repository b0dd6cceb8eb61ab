"""Commands of the Makefile, one file each, and what several of them use."""
