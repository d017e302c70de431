# Every command, for people and for continuous integration. `make` lists them.

PYTHON ?= python3
# Kaggle's FER2013 zip, for `make reproduce`.
DATA ?= fer2013.zip
# The tools, and mien with all it can be installed with.
VENV := .venv
# mien as a user gets it, without PyTorch.
DEMO := .venv-demo

# Where an environment has its programs.
BIN := $(if $(filter Windows_NT,$(OS)),Scripts,bin)

# Where `mien serve` looks for the page. Beside each file lies what browsers take compressed, for
# the page's own files. The models are served from the assets, and the WASM and the scripts as
# .br: a wheel holds each only once.
PAGE := src/mien/serving/page

# Python may keep the bytecode of what it has imported: the next start takes half the time.
unexport PYTHONDONTWRITEBYTECODE

# A process for each core, four at most: each may hold 2 GB. They begin far apart and take over
# each other's rest, so that what a file prepares for its tests is mostly made once.
PYTEST := $(VENV)/$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check docs site format lock web elements web-test web-examples dist release-check notebooks study-files reproduce reproduce-fast clean

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

demo: $(DEMO)/ready ## Install mien, read the sample photo, and draw what was found
	$(DEMO)/$(BIN)/mien analyze examples/astronaut.jpg --annotate demo-output

test: $(VENV)/ready ## Install everything, and run all tests
	$(PYTEST)

test-fast: $(VENV)/ready ## Run the tests that take less than a second each
	$(PYTEST) -m "not slow"

check: $(VENV)/ready ## Check style, types, imports between rooms, and dependencies
	$(VENV)/$(BIN)/ruff format --check .
	$(VENV)/$(BIN)/ruff check .
	$(VENV)/$(BIN)/mypy
	$(VENV)/$(BIN)/lint-imports
	$(VENV)/$(BIN)/deptry src

format: $(VENV)/ready ## Put the code into its style
	$(VENV)/$(BIN)/ruff check --fix .
	$(VENV)/$(BIN)/ruff format .

lock: $(VENV)/ready ## Pin what continuous integration installs (UPGRADE=1 takes the newest)
	$(VENV)/$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --group docs --universal \
		--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
		$(if $(UPGRADE),--upgrade) --quiet --output-file constraints.txt

docs: $(VENV)/ready ## Write the generated parts of the documentation again
	$(VENV)/$(BIN)/python docs/generate.py

site: $(VENV)/ready ## Build the documentation site into build/site/VERSION (DEV=1: into build/site/dev)
	$(VENV)/$(BIN)/python -m pip install --quiet --group docs
	$(VENV)/$(BIN)/python docs/build_site.py $(if $(DEV),--development)

web: web/node_modules/ready ## Build the page into web/dist, and for `mien serve` (needs Node.js and an installed mien)
	cd web && npm run build
	rm -rf $(PAGE) && mkdir -p $(PAGE) && cp -R web/dist/. $(PAGE)
	find $(PAGE) -name '*.gz' -delete -o -name '*.onnx.br' -delete -o -name '*.onnx' -delete -o -name '*.wasm' -delete
	find $(PAGE)/assets -name '*.js' -exec test -e '{}.br' ';' -delete

elements: web/node_modules/ready ## Build the npm package of the page's elements into web/elements
	cd web && npm run build:elements

web-test: elements ## Test the page's code on the golden files, and the npm package (needs Node.js)
	cd web && npm run check && npm run check:elements && npm test

web-examples: elements ## Build the examples of React, Vue and Svelte, and try them in Chromium (needs Node.js and a registry)
	cd web && npm run check:examples

dist: $(VENV)/ready web ## Build the sdist, and from it the wheel, with the page inside
	$(VENV)/$(BIN)/python -m build

release-check: $(VENV)/ready web ## Build a release twice: same bytes? With SHA256SUMS and a bill of materials, into dist/
	$(VENV)/$(BIN)/python .ci/check_release.py
	$(PYTEST) -m release

notebooks: $(VENV)/ready ## Execute the notebooks in examples/ and store their output
	$(VENV)/$(BIN)/python docs/run_notebooks.py --write

study-files: $(VENV)/ready ## Bring the study's networks and old predictions, which are not in the tree (9 MB)
	$(VENV)/$(BIN)/python benchmarks/study_files.py

reproduce: $(VENV)/ready ## Train `accurate` again from DATA=fer2013.zip: does it come out as published?
	$(VENV)/$(BIN)/python benchmarks/reproduce.py accurate --data '$(DATA)'

reproduce-fast: $(VENV)/ready ## The same for `fast`
	$(VENV)/$(BIN)/python benchmarks/reproduce.py fast --data '$(DATA)'

clean: ## Remove what make made, except for models and runs
	rm -rf $(VENV) $(DEMO) demo-output dist build .coverage htmlcov
	rm -rf web/node_modules web/dist web/elements $(PAGE)
	rm -rf .nox .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# A `ready` file is written when an environment is complete, so that a second run is quick, and an
# interrupted one starts again.
$(VENV)/ready: pyproject.toml hatch_build.py
	$(call make_environment,$(VENV))
	@echo "installing mien with PyTorch and the tools: some minutes, once"
	@$(VENV)/$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	@touch $@

$(DEMO)/ready: pyproject.toml hatch_build.py
	$(call make_environment,$(DEMO))
	@echo "installing mien: under a minute, once"
	@$(DEMO)/$(BIN)/python -m pip install --quiet --no-compile --editable .
	@touch $@

web/node_modules/ready: web/package-lock.json
	cd web && npm ci
	@touch $@

define make_environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "mien needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=python3.12" >&2; \
	exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' || { \
	echo "$(PYTHON) has no venv: install it first (Debian: apt install python3-venv)" >&2; exit 1; }
@$(PYTHON) -m venv $(1)
@$(1)/$(BIN)/python -m pip install --quiet --upgrade pip
endef
