# The commands that a person types. `make` alone lists them; set-up itself is envs/setup.sh.
#
# CORES=n      cores for `make demo`; all of them by default
# DATASET=...  for `make reference` and `make site`: the name of a data set; mnist is the default
# WORKERS=n    test processes side by side for `make test`
# PYTHON=...   the interpreter to build .venv on, where it is to be another than the first one found
# PYTEST=...   further arguments for pytest, such as PYTEST="-k elastic"
# UPGRADE=...  for `make lock`: --upgrade, or "--upgrade-package torch"; without it, versions stay where they can

CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
WORKERS ?= 2
DATASET ?= mnist
export PYTHON

# Not even `make -e`, or a makefile named by MAKEFILES, changes what the recipes do or where.
ifneq ($(lastword $(MAKEFILE_LIST)),Makefile)
$(error Run make in the project's folder, or name that folder: make -C FOLDER)
endif
.DEFAULT_GOAL := help
override SHELL := /bin/sh
override .SHELLFLAGS := -c

# The caller's PYTHONPATH, PYTHONHOME, PYTHONSAFEPATH, ... are not for the Python in .venv.
override in_venv := unset $$(env | sed -n 's/^\(PYTHON[A-Z0-9_]*\)=.*/\1/p'); . .venv/bin/activate &&
override uv := sh envs/clean.sh .venv/bin/python -I envs/index_settings.py .venv/bin/uv
override compile := $(uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header $(UPGRADE)

.PHONY: help setup demo test test-long cluster-test smoke same-bytes reference site lint lock benchmark-setup browser-setup \
	cluster-setup

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' Makefile

setup: ## make .venv from the lock file; install LaTeX if it is missing and that is allowed
	@sh envs/setup.sh

demo: setup ## set up, then run the whole pipeline on 8x8 digits: results/digits/paper.pdf
	@$(in_venv) snakemake --cores $(CORES) demo $(if $(SNAKEMAKE_OUTPUT_CACHE),--cache)

test: setup ## set up, then run the tests
	@$(in_venv) python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST)

test-long: setup ## set up, then run the tests that take longest: runs that are killed, runs elsewhere
	@$(in_venv) python -m pytest -m long -n $(WORKERS) --dist loadfile $(PYTEST)

cluster-test: cluster-setup ## set up, then run on a Slurm that is started for it, as root, with slurm-wlm and munge installed
	@$(in_venv) python -m pytest -m cluster tests/pipeline/test_cluster.py --log-cli-level=INFO $(PYTEST)

smoke: setup ## set up, then run every stage on the real MNIST files, at the least cost, in a folder of its own
	@$(in_venv) python -m pytest -m smoke tests/pipeline/test_smoke.py --log-cli-level=INFO $(PYTEST)

same-bytes: setup ## set up, then run the same as `make smoke` twice, and compare every file
	@$(in_venv) python -m pytest -m smoke tests/promises/test_same_bytes.py $(PYTEST)

reference: setup ## set up, then record the numbers of the whole run that is in this folder: paper/reference/
	@$(in_venv) python scripts/record_reference.py --results results/$(DATASET) --logs logs/$(DATASET) \
		--output paper/reference/$(DATASET).json

site: setup ## set up, then gather the finished run that is in this folder for a static host: site/
	@$(in_venv) python scripts/build_site.py --results results/$(DATASET) --output site

lint: setup ## check the style of scripts, tests and workflow
	@$(in_venv) ruff check . && ruff format --check . && snakefmt --check Snakefile workflow && snakemake --lint

lock: setup ## resolve envs/*.in into the lock files and the conda file
	$(compile) envs/requirements.in -o envs/requirements.lock
	grep '^uv==' envs/requirements.lock | tr -d '\\' | $(compile) - -o envs/bootstrap.lock
	for beside in benchmark browser cluster; do \
		$(compile) envs/$$beside.in --constraints envs/requirements.lock \
			$$(sed -n 's/==.*//p' envs/requirements.lock | sed 's/^/--no-emit-package /') -o envs/$$beside.lock || exit; \
	done
	.venv/bin/python -I envs/make_conda_environment.py

# Beside .venv, which is exactly what requirements.lock says. The copy of the lock file, written last, says it is whole.
benchmark-setup: setup ## set up, then install the peers of `snakemake benchmark` into .benchmark-packages
	rm -rf .benchmark-packages
	$(uv) pip install --quiet --python .venv/bin/python --target .benchmark-packages --no-deps --require-hashes \
		-r envs/benchmark.lock
	cp envs/benchmark.lock .benchmark-packages/

cluster-setup: setup ## set up, then install what runs the pipeline on Slurm
	$(uv) pip install --quiet --python .venv/bin/python --no-deps --require-hashes -r envs/cluster.lock

browser-setup: setup ## set up, then install what tests the interactive page in Chromium into .browser-packages
	rm -rf .browser-packages
	$(uv) pip install --quiet --python .venv/bin/python --target .browser-packages --no-deps --require-hashes \
		-r envs/browser.lock
	cp envs/browser.lock .browser-packages/
