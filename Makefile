# The commands that a person types. `make` alone lists them; set-up itself is envs/setup.sh.
#
# CORES=n      cores for `make demo`; all of them by default
# WORKERS=n    test processes side by side for `make test`
# PYTHON=...   the interpreter to build .venv on, where it is to be another than the first one found
# PYTEST=...   further arguments for pytest, such as PYTEST="-k elastic"
# UPGRADE=...  for `make lock`: --upgrade, or "--upgrade-package torch"; without it, versions stay where they can

CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
WORKERS ?= 2
export PYTHON

in_venv := . .venv/bin/activate &&
compile := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header $(UPGRADE)

.PHONY: help setup demo test smoke lint lock

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

setup: ## make .venv from the lock file; install LaTeX if it is missing and that is allowed
	@sh envs/setup.sh

demo: setup ## set up, then run the whole pipeline on 8x8 digits: results/digits/paper.pdf
	@$(in_venv) snakemake --cores $(CORES) demo

test: setup ## set up, then run the tests
	@$(in_venv) python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST)

smoke: setup ## set up, then run every stage on the real MNIST files, at the least cost, in a folder of its own
	@$(in_venv) python -m pytest -m smoke --log-cli-level=INFO $(PYTEST)

lint: setup ## check the style of scripts, tests and workflow
	@$(in_venv) ruff check . && ruff format --check . && snakefmt --check Snakefile workflow && snakemake --lint

lock: setup ## resolve envs/requirements.in into the lock files and the conda file
	$(compile) envs/requirements.in -o envs/requirements.lock
	grep '^uv==' envs/requirements.lock | tr -d '\\' | $(compile) - -o envs/bootstrap.lock
	.venv/bin/python envs/make_conda_environment.py
