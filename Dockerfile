# syntax=docker/dockerfile:1
# The image of onnxd: nothing but the program, the four libraries of C that it needs, certificates
# and two empty directories. `docker build -t onnxd:0.1.0 .`; docs/kubernetes.md#the-image.
#
# What the program is made of: `make sbom` (SECURITY.md); of Debian, see /var/lib/dpkg/status.d in the image.
#
# Targets: `server` (the last, and so the default), `models` with the models of this repository,
# `shell` for jobs that need one.

ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
ARG DEBIAN_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
# Cargo.toml names their files, so cargo wants to see them.
COPY tests tests
COPY benches benches
RUN cargo build --profile dist --locked --bin onnxd
RUN sh tests/image/root.sh target/dist/onnxd /image

# Rust's image is Debian; this one has the same libraries, and a shell.
FROM ${DEBIAN_IMAGE} AS shell
COPY --from=build /image/usr/bin/onnxd /usr/bin/onnxd
COPY --from=build /image/etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/usr/bin/onnxd"]
CMD ["--help"]

FROM scratch AS base
COPY --from=build /image /
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="onnxd" \
      org.opencontainers.image.description="A model server for ONNX on CPUs" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0 OR MIT" \
      org.opencontainers.image.base.name="scratch"
# The root file system may be read-only: only /tmp (large bodies to score) is written, and what
# --state-dir and --cache-dir name.
# Settings are in a file, not in variables: those would come before a file that is mounted there.
ENV ONNXD_CONFIG=/etc/onnxd/onnxd.toml
# By number: Kubernetes cannot tell from a name that it is not root.
USER 65532:65532
# Nobody is let in by accident: the server starts with ONNXD_AUTH_KEYS, which asks for keys, or with
# ONNXD_INSECURE=true, where the network says who comes; docs/security.md.
EXPOSE 8080
STOPSIGNAL SIGTERM
# There is no shell to ask with. Models may take their time at the start.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/bin/onnxd", "health"]
ENTRYPOINT ["/usr/bin/onnxd"]
CMD ["serve"]

FROM base AS models
COPY models /models

FROM base AS server
