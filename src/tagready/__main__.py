"""`python -m tagready` is the command `tagready`."""

from tagready.cli import main

if __name__ == "__main__":
    main()
