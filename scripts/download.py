r"""Download one file of MNIST and hold it to its SHA-256 (stage 1, source).

python scripts/download.py --file t10k-labels-idx1-ubyte.gz --sha256 f7ae60f9... \
    --mirrors '["https://ossci-datasets.s3.amazonaws.com/mnist/"]' --output t10k-labels-idx1-ubyte.gz
"""

import argparse
from pathlib import Path

from invariance.command_line import json_argument, run
from invariance.data.mirrors import VARIABLE, fetch


def main() -> None:
    """Read the command line and fetch the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", required=True, help="name of the file below each mirror")
    parser.add_argument("--sha256", required=True, help="the file's SHA-256 in hexadecimal")
    parser.add_argument(
        "--mirrors",
        required=True,
        type=json_argument,
        help=f"JSON list of https:// or file:// addresses or folders, tried in order after the variable {VARIABLE}",
    )
    parser.add_argument("--timeout", type=float, default=15, help="seconds without an answer (default: %(default)s)")
    parser.add_argument("--attempts", type=int, default=2, help="tries at each mirror (default: %(default)s)")
    parser.add_argument("--output", required=True, type=Path, help="the file to write")
    arguments = parser.parse_args()
    fetch(
        arguments.file,
        arguments.sha256,
        arguments.mirrors,
        arguments.output,
        timeout=arguments.timeout,
        attempts=arguments.attempts,
    )


if __name__ == "__main__":
    run(main)
