"""What each role may do, and the check that a plan gives it exactly that."""
