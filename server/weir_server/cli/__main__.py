"""How does `python -m weir_server.cli` start? Like `weir`."""

from weir_server.cli import main

if __name__ == "__main__":
    main()
