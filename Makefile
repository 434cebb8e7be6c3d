# Everything comes from PyPI into .venv/, with hashes; nothing else of the machine is touched.
PYTHON ?= python3
VENV := .venv
ACCURACY := .local/accuracy-venv
ENGINE ?= docker
LOCK ?= functions
VERSION = $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' shared/version.py)
RUN := $(VENV)/bin/python
# A file's tests run in one worker, in their order: they share servers. tests/conftest.py sets the number of workers.
TESTS = $(RUN) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
# Variables of the interpreter and of the tests' tools are meant for other projects; those of pip are chosen in
# local/install.py, all others in local/environment.py.
unexport $(filter PYTHON% VIRTUAL_ENV PYTEST% COVERAGE% COV_% RUFF% MYPY% YAMLLINT% OTEL_PYTHON% CDPATH MAKEFLAGS,$(.VARIABLES))
export PYTHONPATH := $(CURDIR)
export PYTHONUTF8 := 1
.DEFAULT_GOAL := help
.PHONY: help demo up observe buckets forget manifests test check docs docs-serve bench accuracy picture chaos image cluster-test

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST)

demo: $(VENV)/local.stamp ## the main job, end to end: start everything, calculate a day, download its CSV, stop
	@$(RUN) -m local demo

up: $(VENV)/local.stamp ## the whole system on http://127.0.0.1:PORT, state in DATA_DIR, until Ctrl-C
	@$(RUN) -m local up

observe: $(VENV)/local.stamp ## run the system and print the trace of each job as a waterfall, until Ctrl-C
	@$(RUN) -m local observe

buckets: $(VENV)/local.stamp ## create the buckets, users and policies of an installation (docs/reference/storage.md): OPTIONS="--minio --keys FOLDER"
	@$(RUN) -m admin buckets $(OPTIONS)

forget: $(VENV)/local.stamp ## delete all jobs of a device or of a range of dates: OPTIONS="--device ID --from DATE --to DATE"
	@$(RUN) -m admin forget $(OPTIONS)

manifests: $(VENV)/dev.stamp ## check an overlay before it is applied (docs/contributing/manifests.md): OPTIONS="knative/overlays/my-cluster"
	@$(RUN) -m tools.manifests check $(OPTIONS)

test: $(VENV)/dev.stamp ## the tests but the slow ones, in parallel, on a real PostgreSQL and a real S3 server
	@$(TESTS) -m "not slow"

check: $(VENV)/dev.stamp ## what CI runs: format, lint, types, import rules, manifests, documentation site, every test
	@$(RUN) -m ruff format --check --quiet .
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/yamllint --strict .
	@$(RUN) -m tools.manifests check
	@$(RUN) -m zensical build --strict
	@$(TESTS) --cov

docs: $(VENV)/dev.stamp ## build the documentation site into .local/site/; a broken link is an error
	@$(RUN) -m zensical build --strict

docs-serve: $(VENV)/dev.stamp ## show the documentation site on http://127.0.0.1:8000, until Ctrl-C
	@$(RUN) -m zensical serve

bench: $(VENV)/dev.stamp ## the benchmarks, as ratios; JSON in benchmarks/results/
	@$(RUN) -m benchmarks

picture: $(VENV)/dev.stamp ## the picture of the README, docs/page.png, with Chromium
	@$(RUN) -m tests.browser.picture docs/page.png

accuracy: $(ACCURACY)/accuracy.stamp ## the accuracy of the day analysis, compared with trackintel and movingpandas: OPTIONS="--seeds 1-10"
	@$(ACCURACY)/bin/python -m benchmarks.accuracy $(OPTIONS)

chaos: $(VENV)/dev.stamp ## kill every part of a loaded system, again and again: no job may be lost, doubled or wrong
	@$(RUN) -m tests.chaos

image: ## the image for this machine, by ENGINE (docker), from LOCK (functions): docs/guides/image.md
	@$(ENGINE) build --file Containerfile --tag dev.local/otel-worker:$(VERSION) --build-arg VERSION=$(VERSION) --build-arg LOCK=$(LOCK) .

cluster-test: $(VENV)/dev.stamp ## install into the cluster of KUBECONFIG, prove there what is promised, remove it (docs/contributing/cluster-tests.md)
	@$(RUN) -m tests.cluster

# dev holds local, so a developer's environment serves the demo too.
$(VENV)/local.stamp: requirements/local.txt
	@test -f $(VENV)/dev.stamp -a ! requirements/dev.txt -nt $(VENV)/dev.stamp || $(call install,local)
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt
	@$(call install,dev)
	@touch $@ $(VENV)/local.stamp

# These packages and their dependencies would burden a developer's environment.
$(ACCURACY)/accuracy.stamp: VENV := $(ACCURACY)
$(ACCURACY)/accuracy.stamp: RUN := $(ACCURACY)/bin/python
$(ACCURACY)/accuracy.stamp: requirements/accuracy.txt
	@$(call install,accuracy)
	@touch $@

define install
{ $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	|| { echo "Python 3.11 or newer is needed; PYTHON=... names another than $(PYTHON)" >&2; exit 1; }; } \
	&& { test -x $(RUN) || $(PYTHON) -I -m venv $(VENV) >&2 \
	|| { rm -rf $(VENV); echo "Python's venv with pip is needed (on Debian: python3-venv)" >&2; exit 1; }; } \
	&& $(RUN) -I local/install.py $(1)
endef
