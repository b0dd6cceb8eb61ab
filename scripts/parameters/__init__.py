"""What `make secret` does: reads a value, writes it to SSM, tells what is there."""
