# Every target works from a fresh clone, as the only command. `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    ?= out
# Study of `make bench`: the shared one where it is, or a phantom.
STUDY  ?=
REPEATS ?= 3
# Of `make bench`: STRICT=1 fails where something became worse than the committed run; KEEP=1 makes this run it.
STRICT ?=
KEEP   ?=
# Of `make train-lung-nodule`: a folder of DICOM folders, LUNA16's annotations_excluded.csv if you have it, and where
# everything is made. SMOKE=1 tries the path on phantoms.
SCANS  ?= ../shared/data/ct
EXCLUDED ?=
WORK   ?= $(OUT)/training
SMOKE  ?=
# Of `make test`: how many tests at a time; auto: one a core.
JOBS   ?= auto
# Arguments for pytest in place of the whole suite, e.g. make test PYTEST_ARGS="tests/dicom -k geometry"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo viewer test lint format docs bench figure3 reference sbom vulnerabilities train-lung-nodule clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment, with the extras that a target needs. A stamp remembers what was installed from which pins.
$(BIN)/python:
	@scripts/make-venv "$(PYTHON)" "$(VENV)"

$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing firstread ($*) into $(VENV) ..."
	@FIRSTREAD_WITHOUT_VIEWER=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable ".$(if $(filter run,$*),,[$*])"
	@touch $@

demo: $(VENV)/.installed-run ## send a synthetic chest CT to a node of its own, and say where the report is
	@$(BIN)/firstread demo --out "$(OUT)/demo"

viewer: $(BIN)/python ## build the viewer, which npm makes from viewer/
	@$(BIN)/python scripts/build-viewer

test: $(VENV)/.installed-test ## run the whole test suite (JOBS=n)
	@scripts/install-debian-packages --if-possible
	@$(BIN)/python scripts/build-viewer --if-possible
ifdef PYTEST_ARGS
	@$(BIN)/python -m pytest $(PYTEST_ARGS)
else
# The whole-product tests in a process of their own, as a user's read is: other tests install a reader of theirs.
	@$(BIN)/python -m pytest -n $(JOBS) --ignore=tests/system
	@$(BIN)/python -m pytest -n $(JOBS) tests/system
endif

lint: $(VENV)/.installed-lint ## check style, types, dependencies between packages, documents
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/check-docs
	@$(BIN)/python scripts/write-reference --check
	@$(BIN)/python scripts/check-licences

format: $(VENV)/.installed-lint ## format the code and sort the imports
	@$(BIN)/ruff check --fix --select I .
	@$(BIN)/ruff format .

reference: $(VENV)/.installed-run ## write docs/reference from the code
	@$(BIN)/python scripts/write-reference

sbom: $(VENV)/.installed-lint ## write what firstread is made of, as CycloneDX (OUT=folder)
	@mkdir -p "$(OUT)"
	@$(BIN)/python scripts/write-sbom "$(OUT)/firstread.cdx.json"

vulnerabilities: $(VENV)/.installed-lint ## ask whether a pinned package is known to be vulnerable (needs the network)
	@$(BIN)/python scripts/check-vulnerabilities

docs: $(VENV)/.installed-run ## check that links resolve and that the reference is current
	@$(BIN)/python scripts/check-docs
	@$(BIN)/python scripts/write-reference --check

bench: $(VENV)/.installed-run ## time `firstread read`, and tell what became worse (STUDY=folder REPEATS=n STRICT=1 KEEP=1)
	@$(BIN)/python benchmarks/read_study.py --repeats $(REPEATS) $(if $(STUDY),--study "$(STUDY)") \
		$(if $(STRICT),--strict) $(if $(KEEP),--keep)

figure3: $(VENV)/.installed-bench ## compare with PyTorch and MONAI, task by task (STUDY=folder REPEATS=n)
	@$(BIN)/python benchmarks/figure3.py --repeats $(REPEATS) $(if $(STUDY),--study "$(STUDY)")

train-lung-nodule: $(VENV)/.installed-train,convert ## train the lung-nodule models (SCANS=folder EXCLUDED=file WORK=folder SMOKE=1)
# Tensors are kept for the next step instead of being given back to the kernel and faulted in again.
	@MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=4294967296 \
		$(BIN)/python -m training.lung_nodule.run $(if $(SMOKE),--smoke,--scans "$(SCANS)" $(if $(EXCLUDED),--excluded "$(EXCLUDED)")) --work "$(WORK)"

clean: ## remove what the targets made, the environment included
	rm -rf "$(VENV)" "$(OUT)" viewer/node_modules src/firstread/web/static/tview build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks training -name __pycache__ -type d -prune -exec rm -rf {} +
