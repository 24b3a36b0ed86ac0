# README's two commands on a plain Debian: docker build -t invariance . && docker run invariance make demo
#
# UNTESTED: no Docker on the machines this was built on. In a tree that debootstrap made of the same Debian, the packages
# and LaTeX were installed; set-up then found no Python packages, as the tree did not trust that machine's mirror.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates gcc git libc6-dev make python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /invariance
COPY . .
RUN make setup
CMD ["make", "demo"]
