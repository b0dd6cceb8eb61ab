"""A plan and its HCL, as the rules read them."""
