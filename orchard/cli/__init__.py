"""The command `orchard`: one module a command. Importing this costs nothing, and `orchard --help` little."""


def main() -> None:
    """Run the command line."""
    from orchard.cli.app import app
    from orchard.cli.output import write_anything

    write_anything()  # also what --help says
    app()
