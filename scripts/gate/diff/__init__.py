"""What a change does to security, in words: two plans compared, or a plan with what it finds applied."""
