# The commands of this project; CONTRIBUTING.md says when to use which.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup build test seeds demo mutants lint clean

# Modules that a target forgot to declare fail the build.
BUILD := --explicit-target-dependency-import-check error
PARLEY := .build/release/parley

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## install what is missing (Debian packages; a client SDK for the end-to-end test)
	@.ci/setup

build: setup ## build the command: .build/release/parley
	swift build -c release --product parley $(BUILD)

test: build ## run all tests
	PARLEY_RELEASE=$(abspath $(PARLEY)) PARLEY_PYTHON=$(abspath .build/python/bin/python) \
	    swift test --disable-xctest $(BUILD)

demo: build ## live server, simulation and a crash in one report: reports/demo/index.html
	@.ci/demo

seeds: build ## run hostile scenarios for many seeds: make seeds COUNT=2000
	.ci/seeds $(COUNT)

mutants: setup ## break one rule of the core after the other: simulated and live must both notice (half an hour)
	.ci/mutants

lint: ## check format and scripts
	swift format lint --strict -r -p Sources Tests Package.swift
	bash -n .ci/run .ci/setup .ci/demo

clean: ## remove what was built
	rm -rf .build runs reports/demo
