"""Stage 1, source: download one file of a data set and check its SHA-256."""

from pathlib import Path

from invariance.command_line import Json, run
from invariance.data.mirrors import fetch


def main(
    *,
    dataset: str = "mnist",
    file: str,
    sha256: str,
    mirrors: Json,
    timeout: float = 15,
    attempts: int = 2,
    output: Path,
) -> None:
    """Fetch the file from the first mirror that serves it whole and unaltered.

    Args:
        dataset: Its name; with _MIRROR behind it, in capitals, the environment variable of a mirror to ask first.
        file: Name of the file below each mirror, such as t10k-labels-idx1-ubyte.gz.
        sha256: The file's SHA-256 in hexadecimal.
        mirrors: JSON list of https://, http:// or file:/// addresses or folders, tried in order after the one that the
            environment variable, such as MNIST_MIRROR, names: '["https://ossci-datasets.s3.amazonaws.com/mnist/"]'.
        timeout: Seconds without an answer, or without progress, before a mirror is given up.
        attempts: Tries at each mirror for faults that may pass, such as a broken connection.
        output: The file to write.
    """
    fetch(file, sha256, mirrors, output, timeout=timeout, attempts=attempts, variable=f"{dataset.upper()}_MIRROR")


if __name__ == "__main__":
    run(main)
