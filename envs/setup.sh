#!/bin/sh
# Make .venv exactly what the lock files say, and install LaTeX where it is missing and that is allowed.
#
# `make setup` runs this. It may be run at any time: where nothing is to do it takes a fraction of a second; after a
# change of a lock file it installs the difference; what was interrupted, moved or broken is made afresh.
#
# PYTHON=python3.12 names the interpreter to build on; without it, the first of python3, python3.14, ... python3.11
# that is new enough.
set -eu
cd "$(dirname "$0")/.."

stamp=.venv/.synchronised # written last: a .venv without it is incomplete
oldest=3.11

say() { printf 'set-up: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# What a complete .venv was made from. The folder is part of it, because the commands in .venv/bin hold its path.
wanted_state() {
    pwd -P
    cksum envs/bootstrap.lock envs/requirements.lock
}

runs() { .venv/bin/python -c 'import uv' 2>/dev/null; }

is_synchronised() { [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted_state)" ] && runs; }

# A complete environment, perhaps of an older lock file.
is_complete() { [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = "$(pwd -P)" ] && runs; }

find_python() {
    # A new environment must not be built on the very one that it replaces.
    PATH=${PATH#"$PWD/.venv/bin:"}
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.14 python3.13 python3.12 python3.11
    fi
    for candidate in "$@"; do
        if "$candidate" -c "import sys; sys.exit(sys.version_info < (${oldest%.*}, ${oldest#*.}))" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "needs Python $oldest or newer; tried $*, found none. On Debian or Ubuntu:

    $(install_command python3 python3-venv python3-dev build-essential)

or name another interpreter: make setup PYTHON=/path/to/python"
}

has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# The compiler is tried on what it has to read: Python's header and, through it, the C library's.
can_compile() {
    include=$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    printf '#include <Python.h>\n' | cc -I"$include" -fsyntax-only -x c - 2>/dev/null
}

missing_build_packages() {
    if has_venv "$1" && can_compile "$1"; then return; fi
    name=$(basename "$1")
    echo "$name-venv $name-dev build-essential"
}

# One style file of each package of the list stands for that package.
missing_tex_packages() {
    if command -v latexmk && command -v pdflatex && command -v bibtex && command -v pdftotext &&
        kpsewhich natbib.sty && kpsewhich booktabs.sty && kpsewhich enumitem.sty &&
        kpsewhich siunitx.sty && kpsewhich tikz.sty && kpsewhich lmodern.sty; then
        return
    fi >/dev/null 2>&1
    grep -v '^#' envs/tex-packages.txt | tr '\n' ' ' | sed 's/ $//'
}

is_root() { [ "$(id -u)" -eq 0 ]; }

may_install() { command -v apt-get >/dev/null && { is_root || sudo -n true 2>/dev/null; }; }

as_root() { if is_root; then "$@"; else sudo -n "$@"; fi; }

install_command() {
    if is_root; then prefix=; else prefix='sudo '; fi
    echo "${prefix}apt-get install -y --no-install-recommends $*"
}

install() {
    say "installing $*"
    as_root apt-get update -qq || say "apt-get update failed; trying with the lists that are there"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >&2
}

# Install what the system lacks, or say in one message what to type. $1: the interpreter, where one is to be used.
# shellcheck disable=SC2086 # $build and $tex are lists of words
prepare_system() {
    build=${1:+$(missing_build_packages "$1")}
    tex=$(missing_tex_packages)
    if [ -n "$build$tex" ] && may_install && install $build $tex; then
        build=${1:+$(missing_build_packages "$1")}
        tex=$(missing_tex_packages)
    fi
    if [ -z "$build$tex" ]; then return; fi
    command=$(install_command $build $tex)
    if [ -n "$build" ]; then
        fail "$1 cannot make a virtual environment or build a C extension here. On Debian or Ubuntu, type this,
then the same make command again${tex:+ (the list includes LaTeX, which is missing too)}:

    $command
"
    fi
    say "LaTeX is missing, so the PDF cannot be built until you type (on Debian or Ubuntu)

    $command

Everything else can be built without it, and set-up goes on. README, \"Without LaTeX\", says how.
"
}

make_environment() {
    if [ -d .venv ]; then say ".venv is incomplete, moved or broken: making it afresh"; fi
    "$1" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes -r envs/bootstrap.lock
}

# elasticdeform is built from source (its wheels are broken under NumPy 2), against the locked NumPy and setuptools.
synchronise() {
    say "installing what envs/requirements.lock names (about 3 GB to download the first time, 6.5 GB on disk)"
    rm -f "$stamp"
    .venv/bin/uv pip sync --python .venv/bin/python --require-hashes --compile-bytecode --no-binary elasticdeform \
        --build-constraints envs/requirements.lock envs/requirements.lock
    wanted_state >"$stamp.new"
    mv "$stamp.new" "$stamp"
    say "done; 'source .venv/bin/activate' puts snakemake on the path"
}

if is_synchronised; then
    prepare_system ""
else
    python=$(find_python)
    prepare_system "$python"
    if ! is_complete; then make_environment "$python"; fi
    synchronise
fi
