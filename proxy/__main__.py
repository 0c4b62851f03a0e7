"""`python -m proxy` does what the `lanewatch` command does; all of it lives in proxy.cli."""

from proxy.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
