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
takes.faults          :=
takes.move-in         :=
takes.up              :=
takes.down            :=
takes.status          :=
takes.logs            := FLOW RUN TASK NAME ENV
takes.run             := FLOW PARAMS ENV YES
takes.try             := FLOW PARAMS ENV WATCH YES
takes.new-flow        := NAME OWNER FROM
takes.new-environment := NAME ACCOUNT REGION OWNER
takes.image           :=
takes.release         := ENV YES
takes.plan            := ENV OFFLINE PIPELINE IMAGE_DIGEST BASE
takes.check           := ENV OFFLINE BASE
takes.apply           := ENV YES
takes.alerts          := ENV YES
takes.alert-test      := ENV YES
takes.register        := ENV DRY_RUN ONLY KEEP FULL IMAGE_DIGEST YES
# These say 1 or nothing: OFFLINE=0 would read as no and mean yes.
SWITCHES := FAST DEV OFFLINE PIPELINE DRY_RUN KEEP FULL WATCH
# These choose the Python that runs the targets.
ALWAYS := PYTHON3 PYTHON PREFLIGHT

TARGETS := $(patsubst takes.%,%,$(filter takes.%,$(.VARIABLES)))
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
refuse = $(error $(1): got $(2); expected $(if $(takes.$(1)),only $(takes.$(1)),no variable))
$(foreach target,$(filter $(TARGETS),$(or $(MAKECMDGOALS),help)),\
  $(foreach unknown,$(filter-out $(takes.$(target)) $(ALWAYS),$(GIVEN)),$(call refuse,$(target),$(unknown))))
$(foreach switch,$(filter $(SWITCHES),$(GIVEN)),\
  $(if $(filter-out 1,$(value $(switch))),$(error $(switch): got $(value $(switch)); expected 1, or leave it out)))

override ENV := $(or $(ENV),local)
PARAMS ?= {}
# Commands receive these as environment variables: the shell must not interpret a quote or a star in them.
export FLOW RUN TASK PKG NAME OWNER FROM ACCOUNT REGION ONLY PARAMS IMAGE_DIGEST YES
# Nor does make expand this one: in a pipeline, the digest is a parameter of the run.
DIGEST := $(if $(value IMAGE_DIGEST),--image-digest "$$IMAGE_DIGEST")

.PHONY: $(TARGETS)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Create the virtual environments from the locks (every other target does this first)
	$(PREFLIGHT)

lock: setup ## Resolve requirements/*.in into locks with hashes
	@$(PYTHON) -m scripts.lock_requirements

add: setup ## Add a library, with DEV=1 for development only: make add PKG='pydantic>=2'
	@$(PYTHON) -m scripts.change_libraries add "$$PKG" $(if $(DEV),--dev)

remove: setup ## Remove a library that was added: make remove PKG=pydantic
	@$(PYTHON) -m scripts.change_libraries remove "$$PKG"

upgrade: setup ## Upgrade a library, or without PKG all that are locked: make upgrade PKG=pydantic
	@$(PYTHON) -m scripts.change_libraries upgrade "$$PKG"

flows: setup ## Check all flow files without a plan, in seconds; plan, up, register and lint do so first
	@$(PYTHON) -m scripts.check_flows --env $(ENV)

lint: setup ## Check flow files, formatting, style, types, Terraform, facts and Dockerfile; writes nothing
	@$(PYTHON) -m scripts.lint_sources

fix: setup ## Repair what lint finds, where that can be done automatically
	@$(PYTHON) -m scripts.lint_sources --fix

test: setup ## Run all tests; with FAST=1 only those without Terraform and servers: make test ARGS='-k gate'
	@$(PYTHON) -m pytest $(if $(FAST),--fast) $(ARGS)

faults: setup ## Try whatever can happen to runs and agent on a local stack, and print a table, some minutes
	@$(PYTHON) -m pytest -n0 -s --faults tests/end_to_end

move-in: setup ## Run all tests and `make up` in a copy with another team's facts and flows
	@$(PYTHON) -m tests.move_in

up: setup ## Run the whole system on this machine (a second time changes nothing)
	@$(PYTHON) -m scripts.start_local

down: setup ## Stop everything that `make up` started
	@$(PYTHON) -m scripts.stop_local

status: setup ## Show what is running on the local stack
	@$(PYTHON) -m scripts.show_status

logs: setup ## Show the end of a log and follow it: make logs FLOW=daily_orders | RUN=brave-otter | TASK=0f3c21ab | NAME=agent
	@$(PYTHON) -m scripts.show_logs --env $(ENV) $(if $(value FLOW),--flow "$$FLOW") $(if $(value RUN),--run "$$RUN") $(if $(value TASK),--task "$$TASK") $(if $(value NAME),--name "$$NAME")

try: setup ## Run a flow of the working tree here and now: make try FLOW=daily_orders PARAMS='{"max_rows": 200}' WATCH=1
	@$(PYTHON) -m scripts.try_flow "$$FLOW" --env $(ENV) --params "$$PARAMS" $(if $(WATCH),--watch)

run: setup ## Start a flow run and follow it: make run FLOW=daily_orders PARAMS='{"max_rows": 200}'
	@$(PYTHON) -m scripts.run_flow "$$FLOW" --env $(ENV) --params "$$PARAMS"

new-flow: setup ## Write the files of a new flow, FROM=load, export, sql or http: make new-flow NAME=orders/daily_orders OWNER=sales
	@$(PYTHON) -m scripts.new_flow "$$NAME" $(if $(value OWNER),--owner "$$OWNER") $(if $(value FROM),--from "$$FROM")

new-environment: setup ## Write the files of a new environment: make new-environment NAME=staging ACCOUNT=111122223333 REGION=eu-west-1 OWNER=sales
	@$(PYTHON) -m scripts.new_environment "$$NAME" --account "$$ACCOUNT" --region "$$REGION" $(if $(value OWNER),--owner "$$OWNER")

image: setup ## Print the digest of the sources that the image is built from
	@$(PYTHON) -m scripts.show_image

release: setup ## Push this commit's image and start ENV's pipeline with it: make release ENV=dev
	@$(PYTHON) -m scripts.release_image $(ENV)

plan: setup ## Plan ENV, say what it changes and run the gate on it: make plan ENV=dev OFFLINE=1 BASE=main
	@$(PYTHON) -m scripts.plan_environment $(ENV) $(if $(OFFLINE),--offline) $(if $(PIPELINE),--pipeline) $(DIGEST) $(if $(filter command,$(firstword $(origin BASE))),--base "$$BASE")

check: setup ## Run the gate again on the plan of ENV
	@$(PYTHON) -m scripts.check_plan --env $(ENV) $(if $(OFFLINE),--offline) $(if $(filter command,$(firstword $(origin BASE))),--base "$$BASE")

apply: setup ## Apply exactly the plan of ENV that passed the gate
	@$(PYTHON) -m scripts.apply_plan $(ENV)

alerts: setup ## Subscribe PagerDuty to ENV's alarms; its address is read from SSM
	@$(PYTHON) -m scripts.subscribe_alerts $(ENV)

alert-test: setup ## Send a harmless message through each of ENV's channels, and say what arrived
	@$(PYTHON) -m scripts.send_test_alerts $(ENV)

register: setup ## Register what has changed with ENV's Prefect: make register ENV=dev DRY_RUN=1 ONLY='orders_*'
	@$(PYTHON) -m scripts.register_flows --env $(ENV) $(if $(DRY_RUN),--dry-run) $(if $(KEEP),--keep) $(if $(FULL),--full) $(if $(value ONLY),--only "$$ONLY") $(DIGEST)
