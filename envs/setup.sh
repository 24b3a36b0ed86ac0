#!/bin/sh
# Make .venv exactly what the lock files say, and install LaTeX where it is missing and that is allowed.
#
# `make setup` runs this. It may be run at any time: where nothing is to do it takes a fraction of a second; after a
# change of a lock file it installs the difference; what was interrupted, moved or broken is rebuilt.
#
# PYTHON=python3.12 names the interpreter to build on; without it, the first of python3, python3.14, ... python3.11
# that is new enough. .venv may be a link to a folder on another disk. Only an environment that this script made is ever
# changed, and only by the project that it was made for; nothing of the caller's environment counts but what
# envs/clean.sh lists.
POSIXLY_CORRECT=1 # see envs/clean.sh; until it has run, nothing but reserved words and special built-ins can be trusted
case ${1-} in
clean) ;;
*) case $0 in */*) \exec sh "${0%/*}/clean.sh" sh "$0" clean ;; *) \exec sh ./clean.sh sh "$0" clean ;; esac ;;
esac
set -eu
cd "$(dirname "$0")/.."

mark=.venv/.made-by-set-up # written first: the project that this environment is for
stamp=.venv/.synchronised  # written last: a .venv without it is incomplete
oldest=3.11
if ! { [ -d "${TMPDIR:-/tmp}" ] && [ -w "${TMPDIR:-/tmp}" ]; }; then unset TMPDIR; fi

say() { printf 'set-up: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# Where .venv is, or will be; the commands in its bin hold this path.
location() { if [ -d .venv ]; then (cd -P .venv && pwd -P); else echo "$(pwd -P)/.venv"; fi; }

# What a complete environment was made from, and where.
wanted_state() {
    place=$(location)
    echo "${place%/.venv}"
    cksum envs/bootstrap.lock envs/requirements.lock
}

runs() { .venv/bin/python -I -c 'import uv' 2>/dev/null; }

is_synchronised() { [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted_state)" ] && runs; }

# A complete environment, perhaps of an older lock file.
is_complete() { [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = "$(wanted_state | head -n 1)" ] && runs; }

# An environment that an older version of this script made has no mark, but a stamp.
was_made_by_set_up() { [ -f "$mark" ] || grep -q ' envs/requirements.lock$' "$stamp" 2>/dev/null; }

# The project that it was made for.
owner() { if [ -f "$mark" ]; then head -n 1 "$mark"; else head -n 1 "$stamp"; fi; }

is_empty() { contents=$(ls -A .venv/) && [ -z "$contents" ]; }

# Stop unless .venv is absent, empty, or an environment that this script made for this project. A copy or a moved project
# has its own .venv with it, whatever the mark says; behind a link, the mark decides.
refuse_what_is_not_ours() {
    if [ -d .venv ]; then
        if is_empty; then return; fi
        if ! was_made_by_set_up; then
            fail "$PWD/.venv was not made by this script, so it is left as it is.
Move it elsewhere, or remove it if nobody needs it; then type the same command again."
        fi
        owner=$(owner)
        if [ -h .venv ] && [ "$owner" != "$(pwd -P)" ] && [ -f "$owner/envs/setup.sh" ]; then
            fail "$PWD/.venv is a link to the environment of another project folder, $owner, and is not what the lock
files here say, or incomplete. Type 'make setup' in that folder, or remove the link here: rm '$PWD/.venv'"
        fi
    elif [ -h .venv ]; then
        fail "$PWD/.venv is a link to a folder that is not there. Make that folder, or remove the link: rm '$PWD/.venv'"
    elif [ -e .venv ]; then
        fail "$PWD/.venv exists, but is not a folder. Move it elsewhere."
    fi
}

# A new environment must not be built on the very one that it replaces, nor on another one: on what that is built on.
base_interpreter() {
    if "$1" -I -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)'; then
        "$1" -I -c 'import sys; print(sys._base_executable)'
    else
        command -v "$1"
    fi
}

# The folders of PATH but those of .venv: it may be active, and broken.
path_without_venv() {
    IFS=:
    path=
    for folder in $PATH; do
        case $folder in "$PWD/.venv/bin" | "$(location)/bin") ;; *) path=${path:+$path:}$folder ;; esac
    done
    echo "$path"
}

find_python() {
    PATH=$(path_without_venv)
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.14 python3.13 python3.12 python3.11
    fi
    for candidate in "$@"; do
        if "$candidate" -I -c "import sys; sys.exit(sys.version_info < (${oldest%.*}, ${oldest#*.}))" 2>/dev/null; then
            base_interpreter "$candidate"
            return
        fi
    done
    fail "needs Python $oldest or newer; tried $*, found none. On Debian or Ubuntu:

    $(install_command python3 python3-venv python3-dev build-essential)

or name another interpreter: make setup PYTHON=/path/to/python"
}

has_venv() { "$1" -I -c 'import ensurepip, venv' 2>/dev/null; }

# The compiler is tried on what it has to read: Python's header and, through it, the C library's.
can_compile() {
    include=$("$1" -I -c 'import sysconfig; print(sysconfig.get_path("include"))')
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

Everything else can be built without it, and set-up goes on. docs/configuration.md, \"Without LaTeX\", says how.
"
}

# pip and uv with the user's index, proxy and certificates, and no other setting of theirs
manager() { .venv/bin/python -I envs/index_settings.py "$@"; }

# The mark stays while the rest is cleared: an interrupted set-up knows the environment again.
make_environment() {
    if [ -d .venv ] && ! is_empty; then say ".venv is incomplete, moved or broken: rebuilding it"; fi
    mkdir -p .venv
    pwd -P >"$mark"
    for path in .venv/* .venv/.[!.]*; do
        if [ "$path" != "$mark" ]; then rm -rf "$path"; fi
    done
    "$1" -I -m venv "$(location)"
    manager .venv/bin/python -I -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes -r envs/bootstrap.lock
}

# elasticdeform is built from source (its wheels are broken under NumPy 2), against the locked NumPy and setuptools.
synchronise() {
    say "installing what envs/requirements.lock names (about 3 GB to download the first time, 6.5 GB on disk)"
    pwd -P >"$mark"
    rm -f "$stamp"
    manager .venv/bin/uv pip sync --python .venv/bin/python --require-hashes --compile-bytecode \
        --no-binary elasticdeform --build-constraints envs/requirements.lock envs/requirements.lock
    wanted_state >"$stamp.new"
    mv "$stamp.new" "$stamp"
    say "done; 'source .venv/bin/activate' puts snakemake on the path"
}

if ! { [ -f envs/bootstrap.lock ] && [ -f envs/requirements.lock ]; }; then fail "no lock files in $PWD/envs"; fi
if is_synchronised; then
    prepare_system ""
else
    refuse_what_is_not_ours
    python=$(find_python)
    prepare_system "$python"
    if ! is_complete; then make_environment "$python"; fi
    synchronise
fi
