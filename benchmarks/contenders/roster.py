"""All contenders by the name that the worker process is given."""

from benchmarks.contenders import Contender, pipeline, scorer

CONTENDERS: dict[str, Contender] = {"pipeline": pipeline, "scorer": scorer}
