"""The same surroundings for every contender: one core, one thread, one setting of the allocator, the peers' packages.

No import here may load a numerical library: they read their environment variables when they are loaded.
"""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

from invariance.record.artefacts import InputError

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "envs/benchmark.lock"
PACKAGES = ROOT / ".benchmark-packages"
SET_UP = "make benchmark-setup"
VERSIONED = (
    "numpy",
    "numba",
    "scipy",
    "torch",
    "torchvision",
    "elasticdeform",
    "albumentations",
    "kornia",
    "opencv-python-headless",
)
# As workflow/common.smk sets them for the jobs of the pipeline; here the peers get them too.
ENVIRONMENT = {
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")},
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "NO_ALBUMENTATIONS_UPDATE": "1",  # it would ask the network for a newer version
}


def enter() -> None:
    """Put this process into the surroundings; if its environment differs, start it again with the right one.

    Raises:
        InputError: the peers' packages are not installed.
    """
    require_packages()
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **ENVIRONMENT})
    one_core()
    add_packages()
    one_thread()


def one_core() -> None:
    """Keep this process on one core, if the system can: some libraries ignore the limits on threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def one_thread() -> None:
    """Limit the libraries that have a setting of their own."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def add_packages() -> None:
    """Make the peers' packages importable; those of .venv take precedence."""
    if str(PACKAGES) not in sys.path:
        sys.path.append(str(PACKAGES))


def has_packages() -> bool:
    """Whether the peers' packages are those of the lock file, whose copy set-up writes last."""
    stamp = PACKAGES / LOCK.name
    return stamp.is_file() and stamp.read_bytes() == LOCK.read_bytes()


def require_packages() -> None:
    """Require the peers' packages.

    Raises:
        InputError: they are missing, or not those of the lock file.
    """
    if not has_packages():
        raise InputError(
            f"the benchmark needs its peers (albumentations, kornia, OpenCV) as envs/{LOCK.name} names them; "
            f"they are not in {PACKAGES.name}/. Type this, then the same command again:\n\n    {SET_UP}\n"
        )


def machine() -> dict:
    """Processor, versions and settings of the measurement."""
    return {
        "processor": processor(),
        "instruction_sets": instruction_sets(),
        "cores_used": 1,
        "system": platform.system(),
        "environment": ENVIRONMENT,
        "versions": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in VERSIONED},
        },
    }


def processor() -> str:
    """The processor's name, if the system gives it."""
    return cpu_field("model name") or platform.processor() or platform.machine()


def instruction_sets() -> list[str]:
    """The vector instructions that the system reports."""
    known = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")
    flags = (cpu_field("flags") or cpu_field("Features") or "").split()
    return [name for name in known if name in flags]


def cpu_field(name: str) -> str | None:
    """One field of Linux's /proc/cpuinfo, of the first core that has it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    fields = (line.split(":", 1) for line in lines if ":" in line)
    return next((value.strip() for key, value in fields if key.strip() == name), None)
