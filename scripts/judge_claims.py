"""Stage 5, claims: measure each claim, compare it with its threshold, write the verdicts."""

from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import function_named, json_mapping, progress, run
from invariance.record.artefacts import sha256_of, write_json
from invariance.results.reading import read_inputs
from invariance.results.verdicts import CellsMissingError, judge


def main(
    *,
    claims: Annotated[dict[str, Any], json_mapping()],
    tables: Annotated[dict[str, Any], json_mapping()],
    confidence: float,
    output: Path,
) -> None:
    """Judge; write claims.json with the files, their hashes, and the columns that each number was read from.

    A claim whose cells are not trained is left out, and the log names what is missing.

    Args:
        claims: For each claim, in the order of claims.json, its entry in the catalogue with its `settings`, as JSON.
        tables: Paths of the tables by name: '{"split-runs": "results/mnist/tables/split-runs.csv"}'.
        confidence: Of the intervals, such as 0.95.
        output: The file claims.json.
    """
    read, records = read_inputs(tables), []
    for claim_id, claim in claims.items():
        measure = function_named(claim["function"])
        try:
            record = judge({"id": claim_id, **claim}, measure, read, claim["settings"], confidence)
        except CellsMissingError as error:
            progress(f"{claim_id} not measured for lack of {error}")
            continue
        progress(f"{claim_id} {record['verdict']}: {record['number']:.4g} {record['unit']}")
        read_from = [
            {"path": tables[name], "sha256": sha256_of(tables[name]), "columns": columns}
            for name, columns in claim["reads"].items()
        ]
        records.append(record | {"read_from": read_from})
    write_json(output, records)


if __name__ == "__main__":
    run(main)
