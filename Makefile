# gait: see README.md. `make` alone lists the targets.
GO ?= go
LINT = $(GO) tool -modfile=.ci/tools.mod golangci-lint
FUZZTIME ?= 10s
SEEDS ?= 20000
THOROUGH ?= -thorough
SOAK ?= 1h
SHELL = bash
.SHELLFLAGS = -o pipefail -c
export CGO_ENABLED ?= 0

.PHONY: help build test tried torture soak judges race fuzz lint fmt bench update session

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build ./gait
	$(GO) build -trimpath -o gait ./cmd/gait

session: build ## run the README's session with the built binary in an empty directory
	@PATH="$(CURDIR):$$PATH" .ci/session

test: ## run every test
	$(GO) test ./...

tried: ## say how many changes the exhaustive tests try, none of which may verify
	$(GO) test -v -run '^Test(Every|Hostile)' ./packspec ./ledger/store | grep -E '^(ok|FAIL|--- FAIL|    [a-z_]+_test.go:[0-9]+: )'

torture: ## simulate SEEDS seeds, damage every bit on disk, fail each call of the binary (where strace is), kill it, freeze it, fill its disk
	$(GO) test -v -timeout 0 -run '^TestSimulation|^TestEveryBitAndEveryCut' ./ledger/store -seeds $(SEEDS) $(THOROUGH)
	$(GO) test -v -timeout 0 -run '^TestStrace|^TestTorture' ./cmd/gait $(THOROUGH)

soak: ## write through a daemon for SOAK, and look whether memory, files and disk stay flat
	$(GO) test -v -timeout 0 -run '^TestSoak$$' ./cmd/gait -soak $(SOAK)

judges: ## have other people's tools judge gait: litewitness, torchwood, tessera, openssl, Wycheproof
	cd fixtures/judges && $(GO) test ./...

race: ## run the tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short ./...

fuzz: ## fuzz every parser for FUZZTIME each
	@.ci/fuzz $(FUZZTIME)

lint: ## check style, package arrows and forbidden calls
	$(LINT) run ./...

fmt: ## format the sources
	$(LINT) fmt ./...

bench: ## measure, with a plain write+fdatasync loop beside it
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./fixtures/bench

update: ## rewrite the golden files
	$(GO) test ./packspec ./projection -update
	$(GO) test ./commands -run '^TestCorpus$$' -update
	$(GO) test ./fixtures -run '^TestGoldenLedgers$$' -update
	$(GO) test ./cmd/gait -run '^(TestSchemasOnlyGrow|TestIncidentsAreTheirStories)$$' -update
