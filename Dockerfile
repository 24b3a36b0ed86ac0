# README's two commands on a plain Debian: docker build -t invariance . && docker run invariance make demo
#
# Docker itself is UNTESTED: there is none on the machines this was built on. In a tree that debootstrap made of the same
# Debian, the same packages, `make setup` and `make demo` end with the demo's PDF (2 and 4 minutes on 2 cores).
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates gcc git libc6-dev make python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /invariance
COPY . .
RUN make setup
CMD ["make", "demo"]
