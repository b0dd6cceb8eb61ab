"""The Makefile's commands, one file each; their code is in the packages below."""
