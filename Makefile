# gait: see README.md. `make` alone lists the targets.
GO ?= go
LINT = $(GO) tool -modfile=.ci/tools.mod golangci-lint
SUMTYPE = $(GO) tool -modfile=.ci/tools.mod go-check-sumtype
FUZZTIME ?= 10s
SEEDS ?= 20000
FIRST ?= 0
BUDGET ?= 0
THOROUGH ?= -thorough
TRIED = Table|ThroughDaemon|ThroughURL|Killed|Damaged|Frozen|Linearizable|Every|PowerCut|SimulationReplays|Hostile|Flipped|Python|VerifyMD|VerifyRangeMD|TwoVerifiers
SOAK ?= 1h
SHELL = bash
.SHELLFLAGS = -o pipefail -c
export CGO_ENABLED ?= 0
# The linter's cache knows files by their absolute path: one of another checkout
# shows findings in files that are not there.
export GOLANGCI_LINT_CACHE ?= $(shell $(GO) env GOCACHE)/golangci-lint$(subst /,-,$(CURDIR))

.PHONY: help build check test tried torture soak judges npm race fuzz lint fmt bench update session

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build ./gait
	$(GO) build -trimpath -o gait ./cmd/gait

session: build ## run the README's session with the built binary in an empty directory
	@PATH="$(CURDIR):$$PATH" .ci/session

check: lint ## what to run before every commit: lint and the short tests, two minutes
	$(GO) test -short -timeout 20m ./...

test: ## run every test, a sample of the long ones; five minutes on 2 cores
	$(GO) test -timeout 20m ./...

tried: ## try all of the lists that make test samples, and say how many there were
	$(GO) test -v -timeout 30m -run '$(TRIED)' -skip '^TestTorturePowerCuts' ./packspec ./ledger/store ./ledger/store/pebble ./cmd/gait -every | grep -aE '^(ok|FAIL|--- FAIL|    [a-z_0-9]+_test.go:[0-9]+: )'

torture: ## simulate SEEDS seeds from FIRST on for BUDGET at most, damage every bit on disk, fail each call of the binary and cut the power after it (if strace is there), kill it, freeze it, fill its disk, and count honest ledgers refused
	$(GO) test -v -timeout 0 -run '^TestSimulation|^TestEveryBitAndEveryCut' ./ledger/store/pebble -seeds $(SEEDS) -first $(FIRST) -budget $(BUDGET) $(THOROUGH)
	$(GO) test -v -timeout 0 -run '^TestStrace|^TestTorture' ./cmd/gait $(THOROUGH)

soak: ## write through a daemon for SOAK, and look whether memory, files and disk stay flat
	$(GO) test -v -timeout 0 -run '^TestSoak$$' ./cmd/gait -soak $(SOAK)

judges: ## have other people's tools judge gait: litewitness, torchwood, tessera, openssl, Wycheproof
	cd fixtures/judges && $(GO) test ./...

npm: build ## install the packages of npm that examples/typescript is tested against, and compile and test it
	cd examples/typescript && npm ci --ignore-scripts --no-audit --no-fund && npm run --silent build && npm test --silent

race: ## run the tests under the race detector (needs a C compiler)
	GORACE=atexit_sleep_ms=0 CGO_ENABLED=1 $(GO) test -race -short -timeout 30m ./... # else each process of the tests sleeps for a second when it ends

fuzz: ## fuzz every parser for FUZZTIME each
	@.ci/fuzz $(FUZZTIME)

lint: ## check format, go vet, what go fix would write, switches over sum types, style, package arrows and forbidden calls
	$(GO) vet ./...
	$(GO) fix -omitzero=false -diff ./... # omitzero writes other bytes
	$(SUMTYPE) ./...
	$(LINT) run ./...

fmt: ## format the sources
	$(LINT) fmt ./...

bench: ## measure, with a plain write+fdatasync loop beside it
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./fixtures/bench

update: ## rewrite the golden files
	$(GO) test ./packspec ./projection -update
	$(GO) test ./commands -run '^TestCorpus$$' -update
	$(GO) test ./fixtures -run '^TestGoldenLedgers$$' -update
	$(GO) test ./cmd/gait -run '^TestListsHoldEveryName$$' -update
	$(GO) test ./cmd/gait -run '^(TestSchemasOnlyGrow|TestIncidentsAreTheirStories)$$' -update
