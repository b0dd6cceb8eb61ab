.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON3 ?= python3
PYTHON := .venv/bin/python
override ENV := $(or $(ENV),local)
PARAMS ?= {}
# Through the environment: a quote or a star in them is theirs, not the shell's.
export FLOW NAME ONLY OWNER PARAMS IMAGE_DIGEST
# Not expanded by make either: in a pipeline the digest is a parameter of the run.
DIGEST := $(if $(value IMAGE_DIGEST),--image-digest "$$IMAGE_DIGEST")
PREFLIGHT := @$(PYTHON3) scripts/setup_environments.py

.PHONY: help setup lock lint fix test up down status logs run new-flow image release plan check apply alerts register

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make the virtual environments from the locks (every target does so first)
	$(PREFLIGHT)

lock: setup ## Resolve requirements/*.in into hashed locks
	@$(PYTHON) -m scripts.lock_requirements

lint: setup ## Check formatting, style, Terraform and Dockerfile; writes nothing
	@$(PYTHON) -m scripts.lint_sources

fix: setup ## Mend what lint finds, where it can be mended by itself
	@$(PYTHON) -m scripts.lint_sources --fix

test: setup ## Run every test
	@$(PYTHON) -m pytest $(ARGS)

up: setup ## Run the whole system here, and the flows tagged run:up (again: changes nothing)
	@$(PYTHON) -m scripts.start_local

down: setup ## End everything that `make up` started
	@$(PYTHON) -m scripts.stop_local

status: setup ## What runs on the local stack
	@$(PYTHON) -m scripts.show_status

logs: setup ## The end of a log, followed: make logs NAME=agent
	@$(PYTHON) -m scripts.show_logs "$${NAME:-agent}"

run: setup ## Start a flow run and follow it: make run FLOW=daily_orders PARAMS='{"max_rows": 200}'
	@$(PYTHON) -m scripts.run_flow "$$FLOW" --env $(ENV) --params "$$PARAMS"

new-flow: setup ## Write the files of a new flow: make new-flow NAME=orders/daily_orders OWNER=sales
	@$(PYTHON) -m scripts.new_flow "$$NAME" $(if $(value OWNER),--owner "$$OWNER")

image: setup ## Print the digest of the sources that the image is built from
	@$(PYTHON) -m scripts.show_image

release: setup ## Push this commit's image and start ENV's pipeline with it: make release ENV=dev
	@$(PYTHON) -m scripts.release_image $(ENV)

plan: setup ## Plan ENV and run the gate on it: make plan ENV=dev OFFLINE=1
	@$(PYTHON) -m scripts.plan_environment $(ENV) $(if $(OFFLINE),--offline) $(if $(PIPELINE),--pipeline) $(DIGEST)

check: setup ## Run the gate again on ENV's plan
	@$(PYTHON) -m scripts.check_plan --env $(ENV) $(if $(OFFLINE),--offline)

apply: setup ## Apply exactly the plan that the gate passed
	@$(PYTHON) -m scripts.apply_plan $(ENV)

alerts: setup ## Subscribe PagerDuty to ENV's alerts, at the address that SSM holds
	@$(PYTHON) -m scripts.subscribe_alerts $(ENV)

register: setup ## Register what changed with ENV's Prefect: make register ENV=dev DRY_RUN=1 ONLY='orders_*'
	@$(PYTHON) -m scripts.register_flows --env $(ENV) $(if $(DRY_RUN),--dry-run) $(if $(KEEP),--keep) $(if $(FULL),--full) $(if $(value ONLY),--only "$$ONLY") $(DIGEST)
