"""The least command line: Typer with one command, without Rich."""

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def main(name: str = "world") -> None:
    """Greet."""
    typer.echo(f"Hello {name}")


app()
