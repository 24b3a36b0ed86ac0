# README's two commands on a plain Debian: docker build -t invariance . && docker run invariance make demo
#
# UNTESTED with Docker itself: none on the machines this was built on. What RUN and CMD say was typed as root in a tree
# that debootstrap had made of the same Debian.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates gcc git libc6-dev make python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /invariance
COPY . .
RUN make setup
CMD ["make", "demo"]
