"""The built-in sample: texts of every kind, for a check when nobody names better ones."""

from importlib.resources import files


def sample_texts() -> list[str]:
    """Some 120 reviews, phrases and oddities written for this project, without labels."""
    return (files(__package__) / "sample_texts.txt").read_text("utf-8").splitlines()
