"""Stage 5, claims: read the tables, apply each claim's rule, write the verdicts."""

import argparse
import dataclasses
from pathlib import Path

import pandas as pd

from invariance.command_line import json_mapping, progress, run
from invariance.record.artefacts import sha256_of, write_json
from invariance.results.claims import judge_claims
from invariance.results.tables import read_table


def main() -> None:
    """Judge; write claims.json with the files that the numbers were read from, and their hashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="tables/*.csv, named by their stems")
    parser.add_argument("--claims", type=json_mapping(), required=True, help="`claims` in the config, as JSON")
    parser.add_argument("--confidence", type=float, required=True, help="of the intervals, such as 0.95")
    parser.add_argument("--output", type=Path, required=True, help="claims.json")
    arguments = parser.parse_args()

    tables = {path.stem: read_table(path) for path in arguments.tables}
    claims, missing = judge_claims(tables, arguments.claims, arguments.confidence)
    records = []
    for claim in claims:
        progress(f"{claim.id} {claim.verdict}: {claim.number:.4g} {claim.unit}")
        read_from = [path for path in arguments.tables if path.stem.partition("-")[0] == claim.study]
        files = [{"path": str(path), "sha256": sha256_of(path)} for path in read_from]
        details = {name: float(value) if pd.notna(value) else None for name, value in claim.details.items()}
        records.append(dataclasses.asdict(claim) | {"details": details, "read_from": files})
    for claim_id, reason in missing.items():
        progress(f"{claim_id} not measured: {reason}")
    write_json(arguments.output, records)


if __name__ == "__main__":
    run(main)
