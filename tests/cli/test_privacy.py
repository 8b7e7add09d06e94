"""What is said and written about reviews and machines: no more than was asked for."""

import pytest
from cli.process import Command
from cli.tables import write_table


@pytest.mark.parametrize("words", [("score", "r.csv"), ("predict", "good"), ("info",)])
def test_nothing_is_written_at_home(
    command: Command, tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...]
) -> None:
    """No library keeps a record of the run: the user's own folder stays empty."""
    write_table(command.folder / "r.csv")
    home = tmp_path_factory.mktemp("home")
    # With CI or XDG_CACHE_HOME set, the record would not be kept, or elsewhere.
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "CI": ""}
    assert command(*words, environment=environment).code == 0
    assert list(home.rglob("*")) == []
