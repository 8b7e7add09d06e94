"""Reviews to score."""

import random

from cli.tables import Row

WORDS = ("a", "bad", "film", "good", "not", "really", "seen", "the", "was", "worse")


def some_reviews(count: int) -> list[Row]:
    """Seeded; some without text, of three shops, over some days."""
    draw = random.Random(7)
    return [
        {
            "id": str(number),
            "text": "" if number % 17 == 3 else " ".join(draw.choices(WORDS, k=draw.randint(1, 40))),
            "shop": draw.choice(["north", "south", "<b>west</b>"]),
            "day": f"2024-0{draw.randint(1, 2)}-{draw.randint(1, 9):02}T10:00:00Z",
        }
        for number in range(count)
    ]
