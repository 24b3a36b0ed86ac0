"""Reading what figures and tables are made of: each file by its suffix, tables with the columns that they need."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from invariance.record.artefacts import InputError, load_array, read_json, require_unaltered, whole_file

TEXT = {"classes": str, "group": str}
CSV = {"index": False, "float_format": "%.8g", "lineterminator": "\n"}  # how to_csv writes every table


def read_inputs(
    inputs: Mapping[str, Any], columns: Mapping[str, list[str]] | None = None, may_be_empty: Collection[str] = ()
) -> dict[str, Any]:
    """Read every input: a .csv as a data frame, a .json as what it holds, a .npy as an array mapped into memory.

    Weights, .safetensors, stay a path.

    Args:
        inputs: For each argument a path, or a mapping from labels to paths. Tables that are all labelled
            study/model/training/seed become one, below each other, with these four as columns; any other mapping
            becomes a dict from labels to what was read.
        columns: The columns that a table must have, by argument, or by label where they differ; None if any table
            will do, even one without rows.
        may_be_empty: Arguments whose tables may have no rows.

    Raises:
        InputError: A file cannot be read, or a table lacks columns or rows; `inputs` holds no path.
    """
    columns, may_be_empty = ({}, inputs) if columns is None else (columns, may_be_empty)
    return {name: read_input(name, given, columns, int(name not in may_be_empty)) for name, given in inputs.items()}


def read_input(name: str, given: Any, columns: Mapping[str, list[str]], at_least: int) -> Any:
    """Read one argument's path, or its mapping from labels to paths."""
    needed = columns.get(name, [])
    if not isinstance(given, Mapping):
        return read_file(name, given, needed, at_least)
    read = {
        label: read_file(f"{name}: {label}", path, columns.get(label, needed), at_least)
        for label, path in given.items()
    }
    models = {label: trained_model(label) for label, value in read.items() if isinstance(value, pd.DataFrame)}
    if not given or len(models) < len(given) or not all(models.values()):
        return read
    return pd.concat([read[label].assign(**model) for label, model in models.items()], ignore_index=True)


def trained_model(label: str) -> dict[str, str | int] | None:
    """Parse study/model/training/seed, such as simard2003/mlp/none/0; None for any other label.

    Equal cells share one file, so a path does not say whose it is.
    """
    parts = label.split("/")
    if len(parts) != 4 or not all(parts) or not (parts[3].isdecimal() and parts[3].isascii()):
        return None
    return {"study": parts[0], "model": parts[1], "training": parts[2], "seed": int(parts[3])}


def require_trained_model(label: str) -> dict[str, str | int]:
    """Parse study/model/training/seed; raises InputError for a label of another form."""
    found = trained_model(label)
    if found is None:
        raise InputError(f"{label!r}; allowed: study/model/training/seed, such as simard2003/mlp/none/0")
    return found


def read_file(name: str, path: Any, columns: list[str], at_least: int) -> Any:
    """Read one file by its suffix."""
    suffix = Path(path).suffix if isinstance(path, str | Path) else None
    if suffix == ".csv":
        return read_table(path, columns, at_least)
    if suffix == ".json":
        return read_json(path)
    if suffix == ".npy":
        return load_array(path, mapped=True)
    if suffix == ".safetensors":  # whose shapes only its network knows
        return Path(path)
    raise InputError(f"{name}: {path!r}; allowed: the path of a .csv, .json, .npy or .safetensors file")


def read_table(path: Path | str, columns: Collection[str] = (), at_least: int = 0) -> pd.DataFrame:
    """Read a CSV file; only an empty field is missing, since `none` names a training and a model may be called NA.

    Classes and groups of them, such as 0-4 or 7, are text.

    Raises:
        InputError: The file is missing, cannot be read, was altered, is empty or no CSV file, or has not all `columns`
            or fewer rows than `at_least`.
    """
    require_unaltered(path)
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=TEXT)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file ({error}); delete it to have it made again") from None
    missing = [column for column in columns if column not in table.columns]
    if missing or len(table) < at_least:
        what = f"lacks the columns {', '.join(missing)}" if missing else "has no rows"
        raise InputError(f"{path}: {what}; delete it to have it made again")
    return table


def write_table(path: Path | str, table: pd.DataFrame) -> None:
    """Write a CSV file whole."""
    with whole_file(path) as temporary:
        table.to_csv(temporary, **CSV)
