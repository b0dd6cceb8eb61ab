"""What `scripts/register_flows.py` is made of: look at the code, look at Prefect, write what differs."""
