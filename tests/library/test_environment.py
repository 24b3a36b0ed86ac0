"""What a job inherits: no variable that a library documents, but those that are kept for a reason."""

import inspect
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numba.core.config
import pytest

from invariance.command_line import SNAKEMAKE
from invariance.record import environment
from running import ROOT

SITE = Path(find_spec("numpy").origin).parents[1]

# From manuals, as these libraries name no list of their own: PyTorch's pages on environment variables, oneDNN's on
# "CPU dispatcher control", "floating-point math mode" and so on, MKL's "list of environment variables", and NVIDIA's.
MANUALS = """
ATEN_CPU_CAPABILITY TORCH_HOME TORCH_SHOW_CPP_STACKTRACES TORCH_CPP_LOG_LEVEL TORCH_LOGS TORCH_LOGS_OUT
TORCH_EXTENSIONS_DIR TORCH_ALLOW_TF32_CUBLAS_OVERRIDE TORCH_CUDNN_V8_API_DISABLED TORCH_CUDNN_V8_API_LRU_CACHE_LIMIT
TORCH_LINALG_PREFER_CUSOLVER TORCH_BLAS_PREFER_CUBLASLT TORCH_ALLOW_DYNAMIC_LOADING TORCH_DEVICE_BACKEND_AUTOLOAD
TORCH_FORCE_WEIGHTS_ONLY_LOAD TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD TORCH_AUTOGRAD_SHUTDOWN_WAIT_LIMIT TORCH_COMPILE_DEBUG
TORCHINDUCTOR_CACHE_DIR TORCHDYNAMO_DISABLE TORCH_NCCL_ASYNC_ERROR_HANDLING PYTORCH_NO_CUDA_MEMORY_CACHING
PYTORCH_CUDA_ALLOC_CONF PYTORCH_ALLOC_CONF PYTORCH_NVML_BASED_CUDA_CHECK PYTORCH_JIT PYTORCH_MIOPEN_SUGGEST_NHWC
NVIDIA_TF32_OVERRIDE CUDA_VISIBLE_DEVICES CUDA_LAUNCH_BLOCKING CUDA_CACHE_PATH CUDA_DEVICE_ORDER CUDA_MODULE_LOADING
CUBLAS_WORKSPACE_CONFIG CUBLASLT_WORKSPACE_SIZE CUBLAS_LOGINFO_DBG CUDNN_CONV_WSCAP_DBG CUDNN_LOGLEVEL_DBG
CUDNN_ERRATA_JSON_FILE CUFFT_LOGINFO_DBG NCCL_ALGO TRITON_CACHE_DIR OMP_NUM_THREADS OMP_DYNAMIC OMP_PROC_BIND
OMP_SCHEDULE MKL_NUM_THREADS IDEEP_CACHE_MATMUL_REORDERS LRU_CACHE_CAPACITY ONEDNN_MAX_CPU_ISA ONEDNN_CPU_ISA_HINTS
ONEDNN_DEFAULT_FPMATH_MODE ONEDNN_PRIMITIVE_CACHE_CAPACITY ONEDNN_VERBOSE ONEDNN_JIT_DUMP ONEDNN_JIT_PROFILE
DNNL_MAX_CPU_ISA DNNL_CPU_ISA_HINTS DNNL_DEFAULT_FPMATH_MODE DNNL_VERBOSE MKL_CBWR MKL_DYNAMIC MKL_ENABLE_INSTRUCTIONS
MKL_DEBUG_CPU_TYPE MKL_DISABLE_FAST_MM MKL_DOMAIN_NUM_THREADS MKL_NUM_STRIPES MKL_INTERFACE_LAYER MKL_THREADING_LAYER
MKL_FAST_MEMORY_LIMIT MKL_VERBOSE MKL_SERVICE_FORCE_INTEL MKLROOT KMP_AFFINITY KMP_BLOCKTIME
KMP_DETERMINISTIC_REDUCTION KMP_DUPLICATE_LIB_OK KMP_SETTINGS OPENBLAS_NUM_THREADS OPENBLAS_CORETYPE OPENBLAS_VERBOSE
OPENBLAS_MAIN_FREE GOTO_NUM_THREADS NPY_DISABLE_CPU_FEATURES NPY_ENABLE_CPU_FEATURES NPY_PROMOTION_STATE
NUMPY_MADVISE_HUGEPAGE NPY_RELAXED_STRIDES_CHECKING NUMEXPR_NUM_THREADS NUMEXPR_MAX_THREADS VECLIB_MAXIMUM_THREADS
BLIS_NUM_THREADS BLIS_ARCH_TYPE SCIPY_ARRAY_API PANDAS_COPY_ON_WRITE SKLEARN_ASSUME_FINITE SKLEARN_WORKING_MEMORY
SEABORN_DATA MPLBACKEND MPLCONFIGDIR MATPLOTLIBRC LD_PRELOAD GLIBC_TUNABLES BASH_ENV BASH_FUNC_python%% LC_ALL LANG
""".split()  # noqa: SIM905

# Documented, and kept, since they say where and not what; and one that is part of what artefacts are made from.
KEPT = {
    *("NUMBA_CACHE_DIR", "TORCH_HOME", "MPLCONFIGDIR", "CUDA_CACHE_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"),
    *("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "OPENBLAS_CORETYPE"),
}


def of_python() -> set[str]:
    help_text = subprocess.run([sys.executable, "--help-env"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\bPYTHON[A-Z0-9_]+", help_text))


def of_numba() -> set[str]:
    return set(re.findall(r"\bNUMBA_[A-Z0-9_]+", inspect.getsource(numba.core.config)))


def of_matplotlib() -> set[str]:
    source = "".join(path.read_text(errors="replace") for path in (SITE / "matplotlib").glob("*.py"))
    return set(re.findall(r"environ\S*\W+\b(MPL\w+|MATPLOTLIBRC)\b", source))


def of_compiled(pattern: str, name: bytes) -> set[str]:
    """The names in compiled libraries that match."""
    return {found.decode() for path in SITE.glob(pattern) for found in re.findall(name, path.read_bytes())}


def documented() -> dict[str, set[str]]:
    return {
        "python": of_python(),
        "numba": of_numba(),
        "matplotlib": of_matplotlib(),
        "openblas": of_compiled("numpy.libs/*openblas*", rb"OPENBLAS_[A-Z_]+[A-Z]"),
        "openmp": of_compiled("torch/lib/libgomp*", rb"G?OMP_[A-Z_]+[A-Z]"),
        "manuals": set(MANUALS),
    }


def jobs(surroundings: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return environment.of_jobs(surroundings, tmp_path / "home")


def test_the_documented_names_are_found():
    """Else a library that documents them elsewhere would make the next test an empty one."""
    found = documented()
    for library, name in {
        "python": "PYTHONSAFEPATH",
        "numba": "NUMBA_DISABLE_JIT",
        "matplotlib": "MPLBACKEND",
        "openblas": "OPENBLAS_CORETYPE",
        "openmp": "OMP_PROC_BIND",
    }.items():
        assert name in found[library], library
    assert len(set().union(*found.values())) > 200


def test_jobs_inherit_no_documented_variable_that_is_not_kept_for_a_reason(tmp_path):
    hostile = dict.fromkeys(set().union(*documented().values()), "hostile")
    inherited = {name for name, value in jobs(hostile, tmp_path).items() if value == "hostile"}
    assert inherited == KEPT


def test_a_variable_that_nobody_has_thought_of_is_not_inherited(tmp_path):
    assert "TORCH_NEW_IN_THE_NEXT_VERSION" not in jobs({"TORCH_NEW_IN_THE_NEXT_VERSION": "1"}, tmp_path)


def test_settings_of_ours_go_before_those_of_the_user(tmp_path):
    found = jobs(dict.fromkeys([*environment.SET, SNAKEMAKE], "hostile"), tmp_path)
    assert environment.SET.items() <= found.items()
    assert found[SNAKEMAKE] == str(os.getpid())


def test_python_is_the_one_that_runs_snakemake(tmp_path):
    for path in ("/usr/bin", "", None):
        found = jobs({} if path is None else {"PATH": path}, tmp_path)
        assert found["PATH"].split(":")[0] == str(Path(sys.executable).parent)
        assert found["PATH"].split(":")[1:] == (path or os.defpath).split(":")


@pytest.mark.parametrize("home", [None, "", "/no/such/folder", os.devnull])
def test_who_has_no_home_to_write_in_is_given_one(home, tmp_path):
    assert jobs({} if home is None else {"HOME": home}, tmp_path)["HOME"] == str(tmp_path / "home")
    assert (tmp_path / "home").is_dir()


def test_a_home_that_can_be_written_is_kept_and_nothing_is_made(tmp_path):
    assert jobs({"HOME": str(tmp_path)}, tmp_path)["HOME"] == str(tmp_path)
    assert not (tmp_path / "home").exists()


def test_what_changes_numbers_and_is_kept_counts():
    surroundings = {"OPENBLAS_CORETYPE": "Haswell", "HOME": "/", "OMP_NUM_THREADS": "1"}
    assert environment.changing_numbers(surroundings) == ["OPENBLAS_CORETYPE=Haswell"]
    assert environment.changing_numbers({"OPENBLAS_CORETYPE": ""}) == []
    assert set(environment.CHANGING_NUMBERS) <= set(environment.INHERITED)


def test_every_variable_that_our_code_reads_is_inherited_or_set():
    names = set()
    for path in (ROOT / "scripts").rglob("*.py"):
        names |= set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', path.read_text()))
    assert "REQUESTS_CA_BUNDLE" in names
    assert {name for name in names if not environment.is_inherited(name) and name not in environment.SET} <= {
        "SOURCE_DATE_EPOCH"  # which every script sets itself
    }
