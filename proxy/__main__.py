"""`python -m proxy` does what the `lanewatch` command does; proxy.cli reads its arguments."""

from proxy.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
