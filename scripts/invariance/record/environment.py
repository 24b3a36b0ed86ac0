"""The environment of a job: what it inherits of the one that Snakemake was started in, and what is set for all jobs.

Python, Matplotlib, Numba, PyTorch and the libraries below them read hundreds of variables, and many change what is
imported, how figures look or what numbers come out. So a job inherits no variable but those that are named here. They
say where things are, or who asks, and not how to compute; the few that change numbers as well are part of what an
artefact is made from.
"""

import os
import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from invariance.command_line import SNAKEMAKE
from invariance.record.artefacts import InputError

# Those that end with * stand for every name that begins so.
INHERITED = (
    # Where programs, their libraries and the user's files are
    *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    *("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR", "TEMP", "TMP"),
    # Who works where, which Snakemake shows
    *("USER", "LOGNAME", "SHELL", "TERM", "TZ"),
    # Where libraries keep their caches
    *("NUMBA_CACHE_DIR", "TORCH_HOME", "MPLCONFIGDIR", "CUDA_CACHE_PATH"),
    *("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"),
    # Which accelerators may be used
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_MPS_PIPE_DIRECTORY"),
    *("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
    # How mirrors are reached
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"),
    # This project's own settings, Snakemake's and its package manager's
    *("*_MIRROR", "INVARIANCE_*", "SNAKEMAKE_*", "CONDA_*", "MAMBA_*"),
    # Which job of a Slurm cluster this is, whose resources its steps share
    "SLURM_*",
    # Which processor OpenBLAS computes for: older versions compute wrongly on those that they do not know
    "OPENBLAS_CORETYPE",
)
CHANGING_NUMBERS = ("OPENBLAS_CORETYPE",)

SET = {
    # One compute thread a job, many jobs side by side: the number of threads would change the last bits of a sum.
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")},
    # Large arrays come and go at every training step; keep their memory instead of giving it back to the system.
    **{f"MALLOC_{threshold}_THRESHOLD_": str(2**30) for threshold in ("MMAP", "TRIM")},
    # Without this, the sums of a GPU may depend on what else it does.
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    # Figures are drawn as this project says, whatever the user's own matplotlibrc does, and on no screen.
    "MATPLOTLIBRC": os.devnull,
    "MPLBACKEND": "agg",
    # Packages in the user's home are not those of the lock file.
    "PYTHONNOUSERSITE": "1",
}


def is_inherited(name: str) -> bool:
    """Whether a job inherits the variable of this name."""
    return any(fnmatchcase(name, pattern) for pattern in INHERITED)


def of_jobs(surroundings: Mapping[str, str], spare_home: Path) -> dict[str, str]:
    """The environment of every job that this process, Snakemake, starts in these surroundings.

    Args:
        surroundings: all variables of this process.
        spare_home: a folder for the caches of libraries, made where the user has no home that can be written.
    """
    inherited = {name: value for name, value in surroundings.items() if is_inherited(name)}
    home = Path(surroundings.get("HOME") or spare_home)
    if not (home.is_dir() and os.access(home, os.W_OK | os.X_OK)):
        home = spare_home
        home.mkdir(parents=True, exist_ok=True)
    # `python` in a rule is the Python that runs Snakemake, whether or not its environment was activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), surroundings.get("PATH") or os.defpath])
    return {**inherited, **SET, "HOME": str(home), "PATH": path, SNAKEMAKE: str(os.getpid())}


def changing_numbers(surroundings: Mapping[str, str]) -> list[str]:
    """The inherited variables that artefacts are made from, as NAME=value; mostly none."""
    return [f"{name}={surroundings[name]}" for name in CHANGING_NUMBERS if surroundings.get(name)]


def require_writable(*folders: str) -> None:
    """Refuse folders that cannot be written: Snakemake would at its first file there, with a traceback.

    Raises:
        InputError: a folder is a link that leads nowhere, is on a read-only disk, or is another user's.
    """
    paths = [Path(folder).absolute() for folder in folders]
    if lost := [str(path) for path in paths if path.is_symlink() and not path.exists()]:
        raise InputError(
            f"{', '.join(lost)}: a link to a folder that is not there; nothing was started. Make that folder, or "
            "remove the link"
        )
    if refused := [str(path) for path in paths if path.exists() and not os.access(path, os.W_OK)]:
        raise InputError(
            f"{', '.join(refused)}: cannot be written, being on a read-only disk or another user's; nothing was "
            "started. Let this user write there, or work in a copy of this folder"
        )


def output_cache(surroundings: Mapping[str, str]) -> str:
    """Where Snakemake shares outputs between workflows; empty where it does not.

    Raises:
        InputError: outputs would become links that lead nowhere.
    """
    cache = surroundings.get("SNAKEMAKE_OUTPUT_CACHE", "")
    usable = "://" in cache or (Path(cache).is_absolute() and os.access(cache, os.R_OK | os.W_OK | os.X_OK))
    if cache and not usable:
        raise InputError(
            f"SNAKEMAKE_OUTPUT_CACHE={cache}: must be the absolute path of a folder that exists and can be written to; "
            "make it with mkdir -p, or unset the variable"
        )
    return cache
