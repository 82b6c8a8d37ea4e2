# Two commands do everything on a fresh Debian machine with Go: `make demo` shows the program, `make test` is the whole gate.

.NOTPARALLEL:
.DEFAULT_GOAL := build

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w $(if $(VERSION),-X main.version=$(VERSION))
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: build demo test deps fmt vet staticcheck tidy unit fuzz cross bench clean

build: ## a static binary in this directory
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o poplift ./cmd/poplift

demo: ## a copy between two servers inside the program
	go run ./cmd/poplift demo

test: deps fmt vet staticcheck tidy unit fuzz cross ## all checks; installs what they need with apt-get if it is missing
	@echo "all checks passed"

deps:
	@.ci/deps

fmt:
	@out=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); if [ -n "$$out" ]; then echo "gofmt -w is due on:"; echo "$$out"; exit 1; fi

vet:
	go vet ./...
	GOARCH=386 CGO_ENABLED=0 go vet ./...

staticcheck:
	go run $(STATICCHECK) ./...

tidy:
	go mod tidy -diff

# The tests against a real server skip themselves where there is no Dovecot; here they must run.
unit:
	POPLIFT_REQUIRE_DOVECOT=1 go test -race -shuffle=on -parallel 6 -timeout 20m ./...

fuzz: ## every fuzz target for a few seconds
	@.ci/fuzz

# Without -trimpath, which would compile everything anew that the checks above have compiled.
cross:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && for p in $(PLATFORMS); do \
		echo "build $$p"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build -ldflags '$(LDFLAGS)' -o "$$dir/poplift-$${p%/*}-$${p#*/}" ./cmd/poplift || exit 1; \
	done

# Whole runs come last, so that their table does. POPLIFT_BENCH=quick takes a minute less.
bench: ## benchmarks of the hot parts, and of whole runs where there is a Dovecot
	go test -run '^$$' -bench . -benchmem $$(go list ./... | grep -v '/cmd/')
	go test -run '^$$' -bench . -benchtime 1x ./cmd/poplift

clean:
	rm -f poplift
