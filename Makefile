.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON3 ?= python3
PYTHON := .venv/bin/python
PREFLIGHT := @$(PYTHON3) scripts/setup_environments.py

# The variables that each target takes. Any other on the command line is refused: a misspelt DRY_RUN must not register.
takes.help            :=
takes.setup           :=
takes.lock            :=
takes.flows           := ENV
takes.add             := PKG DEV
takes.remove          := PKG
takes.upgrade         := PKG
takes.lint            :=
takes.fix             :=
takes.test            := ARGS FAST
takes.test-image      :=
takes.faults          :=
takes.move-in         :=
takes.up              := FAST
takes.down            :=
takes.status          :=
takes.logs            := FLOW RUN TASK NAME ENV
takes.run             := FLOW PARAMS ENV YES
takes.try             := FLOW PARAMS ENV WATCH AS YES
takes.sql             := SQL ENV WRITE FORMAT LIMIT YES
takes.env             := ENV
takes.doctor          := ENV
takes.new-flow        := NAME OWNER FROM
takes.new-environment := NAME ACCOUNT REGION OWNER
takes.image           :=
takes.release         := ENV YES
takes.plan            := ENV OFFLINE PIPELINE IMAGE_DIGEST BASE
takes.check           := ENV OFFLINE BASE
takes.comment         := ENV
takes.apply           := ENV YES
takes.secret          := NAME ENV GENERATE YES
takes.snowflake-setup := ENV APPLY DRIFT YES
takes.rotate-key      := ENV FINISH YES
takes.check-snowflake := ENV
takes.open            := ENV
takes.alerts          := ENV YES
takes.alert-test      := ENV YES
takes.register        := ENV DRY_RUN ONLY KEEP FULL IMAGE_DIGEST YES
# These say 1 or nothing: OFFLINE=0 would read as no and mean yes.
SWITCHES := FAST DEV OFFLINE PIPELINE DRY_RUN KEEP FULL WATCH WRITE GENERATE APPLY DRIFT FINISH
# These choose the Python that runs the targets.
ALWAYS := PYTHON3 PYTHON PREFLIGHT

TARGETS := $(patsubst takes.%,%,$(filter takes.%,$(.VARIABLES)))
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
# `nearest` asks which of the words $(2) was meant by $(1).
nearest = $(shell $(PYTHON3) scripts/show_targets.py --nearest='$(subst ','\'',$(1))' $(2))
refuse = $(error $(1): got $(2)$(call nearest,$(2),$(takes.$(1))); expected $(if $(takes.$(1)),only $(takes.$(1)),no variable))
$(foreach unknown,$(filter-out $(TARGETS),$(MAKECMDGOALS)),\
  $(error $(unknown): no such target$(call nearest,$(unknown),$(TARGETS)); expected one that `make` lists))
$(foreach target,$(filter $(TARGETS),$(or $(MAKECMDGOALS),help)),\
  $(foreach unknown,$(filter-out $(takes.$(target)) $(ALWAYS),$(GIVEN)),$(call refuse,$(target),$(unknown))))
$(foreach switch,$(filter $(SWITCHES),$(GIVEN)),\
  $(if $(filter-out 1,$(value $(switch))),$(error $(switch): got $(value $(switch)); expected 1, or leave it out)))

override ENV := $(or $(ENV),local)
PARAMS ?= {}
# Commands receive these as environment variables: the shell must not interpret a quote or a star in them.
export FLOW RUN TASK PKG NAME OWNER FROM ACCOUNT REGION ONLY PARAMS IMAGE_DIGEST YES SQL FORMAT LIMIT
# SQL is full of dollars, which make would expand: $1 is a column of a staged file.
override SQL := $(value SQL)
# `make up` counts the seconds of what comes before it, too.
STARTED := $(shell date +%s)
# Nor does make expand this one: in a pipeline, the digest is a parameter of the run.
DIGEST := $(if $(value IMAGE_DIGEST),--image-digest "$$IMAGE_DIGEST")

.PHONY: $(TARGETS)

##@ A flow (locally, or with ENV=dev; YES=dev consents where that is guarded)

new-flow: setup ## Write a new flow (FROM=load|fetch|sql|…: its kind)
	@$(PYTHON) -m scripts.new_flow "$$NAME" $(if $(value OWNER),--owner "$$OWNER") $(if $(value FROM),--from "$$FROM")

flows: setup ## Check all flow files, in seconds
	@$(PYTHON) -m scripts.check_flows --env $(ENV)

# Make has an AS of its own, the assembler: only one that is given counts.
try: setup ## Run the working tree's flow here and now
	@$(PYTHON) -m scripts.try_flow "$$FLOW" --env $(ENV) --params "$$PARAMS" $(if $(WATCH),--watch) $(if $(filter command,$(firstword $(origin AS))),--as "$$AS")

run: setup ## Run a registered flow through the agent
	@$(PYTHON) -m scripts.run_flow "$$FLOW" --env $(ENV) --params "$$PARAMS"

logs: setup ## Follow the log of one of these
	@$(PYTHON) -m scripts.show_logs --env $(ENV) $(if $(value FLOW),--flow "$$FLOW") $(if $(value RUN),--run "$$RUN") $(if $(value TASK),--task "$$TASK") $(if $(value NAME),--name "$$NAME")

sql: setup ## Ask the warehouse, or change it (WRITE=1)
	@$(PYTHON) -m scripts.run_sql "$$SQL" --env $(ENV) $(if $(WRITE),--write) $(if $(value FORMAT),--format "$$FORMAT") $(if $(value LIMIT),--limit "$$LIMIT")

add: setup ## Add a library (DEV=1: for development only)
	@$(PYTHON) -m scripts.change_libraries add "$$PKG" $(if $(DEV),--dev)

remove: setup ## Remove a library
	@$(PYTHON) -m scripts.change_libraries remove "$$PKG"

upgrade: setup ## Upgrade a library, or all
	@$(PYTHON) -m scripts.change_libraries upgrade "$$PKG"

##@ The local stack

up: setup ## Run the whole system here (FAST=1: no samples)
	@$(PYTHON) -m scripts.start_local --since $(STARTED) $(if $(FAST),--fast)

status: setup ## Show what is running
	@$(PYTHON) -m scripts.show_status

down: setup ## Stop what `make up` started
	@$(PYTHON) -m scripts.stop_local

open: setup ## Open Prefect's page, signed in (or ENV=dev)
	@$(PYTHON) -m scripts.open_prefect --env $(ENV)

doctor: ## Find what is wrong here, or with ENV=dev
	@$(or $(wildcard $(PYTHON)),$(PYTHON3)) -m scripts.check_machine --env $(ENV) --python "$(PYTHON3)"

env: setup ## Print exports for clients: eval "$(make -s env ENV=dev)"
	@$(PYTHON) -m scripts.show_exports --env $(ENV)

##@ An environment (ENV=dev; YES=dev consents where it is guarded)

new-environment: setup ## Write the files of a new one
	@$(PYTHON) -m scripts.new_environment "$$NAME" --account "$$ACCOUNT" --region "$$REGION" $(if $(value OWNER),--owner "$$OWNER")

plan: setup ## Plan, run the gate
	@$(PYTHON) -m scripts.plan_environment $(ENV) $(if $(OFFLINE),--offline) $(if $(PIPELINE),--pipeline) $(DIGEST) $(if $(filter command,$(firstword $(origin BASE))),--base "$$BASE")

check: setup ## Run the gate again on the plan
	@$(PYTHON) -m scripts.check_plan --env $(ENV) $(if $(OFFLINE),--offline) $(if $(filter command,$(firstword $(origin BASE))),--base "$$BASE")

comment: setup ## Show the report in the pull request
	@$(PYTHON) -m scripts.comment_report $(ENV)

apply: setup ## Apply the plan that passed
	@$(PYTHON) -m scripts.apply_plan $(ENV)

register: setup ## Register what changed
	@$(PYTHON) -m scripts.register_flows --env $(ENV) $(if $(DRY_RUN),--dry-run) $(if $(KEEP),--keep) $(if $(FULL),--full) $(if $(value ONLY),--only "$$ONLY") $(DIGEST)

image: setup ## Print the digest of the image's sources
	@$(PYTHON) -m scripts.show_image

release: setup ## Push the commit's image, start the pipeline
	@$(PYTHON) -m scripts.release_image $(ENV)

secret: setup ## Write a parameter, or show which are missing
	@$(PYTHON) -m scripts.set_secret $(if $(filter command,$(firstword $(origin NAME))),"$$NAME") --env $(ENV) $(if $(GENERATE),--generate)

snowflake-setup: setup ## Write Snowflake's side as SQL, run or compare
	@$(PYTHON) -m scripts.snowflake_setup --env $(ENV) $(if $(APPLY),--apply) $(if $(DRIFT),--drift)

rotate-key: setup ## Rotate Snowflake's key, end the former
	@$(PYTHON) -m scripts.rotate_key --env $(ENV) $(if $(FINISH),--finish)

check-snowflake: setup ## Connect to Snowflake as flows do
	@$(PYTHON) -m scripts.check_snowflake --env $(ENV)

alerts: setup ## Subscribe PagerDuty to the alarms
	@$(PYTHON) -m scripts.subscribe_alerts $(ENV)

alert-test: setup ## Send a harmless message everywhere
	@$(PYTHON) -m scripts.send_test_alerts $(ENV)

##@ The repository

setup: ## Install what the locks say
	$(PREFLIGHT)

lint: setup ## Check all files; writes nothing
	@$(PYTHON) -m scripts.lint_sources

fix: setup ## Repair what lint finds
	@$(PYTHON) -m scripts.lint_sources --fix

test: setup ## Run all tests (FAST=1: without servers)
	@$(PYTHON) -m pytest $(if $(FAST),--fast) $(ARGS)

test-image: setup ## Build and test the image (root, Debian)
	@$(PYTHON) -m pytest -n0 --image tests/image_built

faults: setup ## Try whatever can happen to runs
	@$(PYTHON) -m pytest -n0 -s --faults tests/end_to_end

move-in: setup ## Test a copy with another team's flows
	@$(PYTHON) -m tests.move_in

lock: setup ## Resolve requirements/*.in
	@$(PYTHON) -m scripts.lock_requirements

help: ## List the targets
	@$(PYTHON3) scripts/show_targets.py
