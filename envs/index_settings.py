"""Run pip or uv with what the user says of the index, the proxy and certificates, and with no other setting of theirs.

    .venv/bin/python -I envs/index_settings.py COMMAND [ARGUMENT]...

What the user says in variables and configuration files is read, and the two lists below are kept of it. The rest would
change what is installed or where: the lock files and the command line say that. uv does not know pip's settings; where
it has no index of its own, it gets pip's. Where the user's cache cannot be written, one beside the packages serves.
"""

import configparser
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

VENV = Path(__file__).resolve().parents[1] / ".venv"
PIP = {
    *("index-url", "extra-index-url", "find-links", "trusted-host", "cert", "client-cert", "proxy", "keyring-provider"),
    *("timeout", "default-timeout", "retries", "cache-dir"),
}
# Variables and keys of uv.toml: some have two names.
UV_INDEX = {"index", "default-index", "index-url", "extra-index-url", "find-links"}
UV = UV_INDEX | {
    *("index-strategy", "keyring-provider", "credentials-dir", "insecure-host", "allow-insecure-host"),
    *("native-tls", "system-certs", "http-proxy", "https-proxy", "no-proxy"),
    *("http-timeout", "request-timeout", "http-connect-timeout", "http-retries", "cache-dir"),
}
INDEX_FROM_PIP = {"INDEX_URL": "UV_DEFAULT_INDEX", "EXTRA_INDEX_URL": "UV_INDEX", "FIND_LINKS": "UV_FIND_LINKS"}
CONNECTION_FROM_PIP = {
    "TRUSTED_HOST": "UV_INSECURE_HOST",
    "CERT": "SSL_CERT_FILE",
    "CLIENT_CERT": "SSL_CLIENT_CERT",
    "PROXY": "ALL_PROXY",
}


def variable(tool: str, key: str) -> str:
    """The environment variable of a tool's setting: pip's index-url is PIP_INDEX_URL."""
    return f"{tool}_{key}".upper().replace("-", "_")


def home_folder(name: str, default: str) -> Path:
    """A folder of the user's by its XDG variable, or its default below the home folder."""
    return Path(os.environ.get(name) or os.path.expanduser(f"~/{default}"))  # noqa: PTH111 # where there is no home


def configuration_folders() -> list[Path]:
    """Where pip and uv look for their configuration, the machine's first: later files win."""
    shared = [Path(folder) for folder in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if folder]
    return [*reversed(shared), Path("/etc"), home_folder("XDG_CONFIG_HOME", ".config")]


def pip_settings() -> dict[str, str]:
    """What pip's configuration files say of the kept keys, as variables; the section [install] wins."""
    named = os.environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:  # pip's way to say: no configuration file
        return {}
    home = home_folder("HOME", "")
    apple = Path("Library/Application Support/pip/pip.conf")
    files = [path for folder in configuration_folders() for path in (folder / "pip.conf", folder / "pip" / "pip.conf")]
    files = [Path("/") / apple, *files[:-2], home / ".pip" / "pip.conf", home / apple, files[-1], Path(named)]
    parser = configparser.RawConfigParser()
    parser.read(files, encoding="utf-8")
    sections = [section for section in ("global", "install") if parser.has_section(section)]
    said = {name.replace("_", "-"): value for section in sections for name, value in parser.items(section)}
    return {variable("pip", key): " ".join(said[key].split("\n")).strip() for key in said.keys() & PIP}


def uv_settings() -> dict:
    """What uv.toml, the machine's and the user's, says of the kept keys, at the top and under [pip]."""
    named = os.environ.get("UV_CONFIG_FILE")
    files = [Path(named)] if named else [folder / "uv" / "uv.toml" for folder in configuration_folders()]
    said: dict = {}
    for path in files:
        if path.is_file():
            try:
                said |= tomllib.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
    said["pip"] = {key: value for key, value in said.get("pip", {}).items() if key in UV}
    return {key: value for key, value in said.items() if key in UV or key == "pip"}


def toml(value: object) -> str:
    """A value of uv.toml as TOML on one line, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def kept_variables() -> dict[str, str]:
    """The environment without the settings of pip and uv that are not in the lists; UV_INDEX_... are passwords."""
    listed = {variable("pip", key) for key in PIP} | {variable("uv", key) for key in UV}
    return {
        name: value
        for name, value in os.environ.items()
        if name in listed or not name.startswith(("PIP_", "UV_")) or name.startswith("UV_INDEX_")
    }


def from_pip(environment: dict[str, str], said: dict) -> dict[str, str]:
    """What uv takes over from pip: the connection, and the index where uv has none of its own."""
    own_index = said.keys() | said["pip"].keys() | {key for key in UV_INDEX if variable("uv", key) in environment}
    names = CONNECTION_FROM_PIP if own_index & UV_INDEX else CONNECTION_FROM_PIP | INDEX_FROM_PIP
    taken = {
        uv: environment[f"PIP_{pip}"]
        for pip, uv in names.items()
        if f"PIP_{pip}" in environment and uv not in environment
    }
    if "UV_FIND_LINKS" in taken:
        taken["UV_FIND_LINKS"] = ",".join(taken["UV_FIND_LINKS"].split())
    if "UV_INDEX" in taken:  # as pip does: look in every index
        taken.setdefault("UV_INDEX_STRATEGY", environment.get("UV_INDEX_STRATEGY", "unsafe-best-match"))
    return taken


def can_write(folder: Path) -> bool:
    """Whether a file can be made in a folder, which is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return folder.is_absolute()


def main(command: list[str]) -> int:
    """Run the command; its exit status, or 1 where a configuration file cannot be read, which is said."""
    try:
        said = uv_settings()
        environment = pip_settings() | kept_variables()
    except (configparser.Error, ValueError, OSError) as error:
        print(f"set-up: cannot read your configuration of pip or uv: {error}", file=sys.stderr)
        return 1
    environment |= from_pip(environment, said)
    with tempfile.TemporaryDirectory(dir=VENV, prefix=".set-up-") as scratch:
        if not can_write(home_folder("XDG_CACHE_HOME", ".cache") / "uv"):
            own = {"PIP_CACHE_DIR": f"{scratch}/pip", "UV_CACHE_DIR": f"{scratch}/uv"}
            environment = own | environment
        configuration = Path(scratch, "uv.toml")
        configuration.write_text("".join(f"{key} = {toml(value)}\n" for key, value in said.items()), encoding="utf-8")
        environment |= {"PIP_CONFIG_FILE": os.devnull, "UV_CONFIG_FILE": str(configuration)}
        status = subprocess.run(command, env=environment).returncode
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
