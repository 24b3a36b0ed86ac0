"""Inputs are read by their suffix, and what cannot be used is named in one message."""

import json

import numpy as np
import pandas as pd
import pytest

from invariance.record.artefacts import InputError
from invariance.results.reading import read_inputs, read_table


def table_at(path, text="mean,low\n1,0\n"):
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "no such file"), ("", "not a CSV"), ("mean\n1\n", "lacks the columns low"), ("mean,low\n", "no rows")],
)
def test_a_table_that_cannot_be_used_is_named(tmp_path, text, message):
    path = tmp_path / "table.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=f"table.csv: .*{message}"):
        read_table(path, ["mean", "low"], at_least=1)


def test_only_an_empty_field_is_missing(tmp_path):
    path = table_at(tmp_path / "table.csv", "model,training,published\nNA,none,\nnan,null,1.6\n")
    table = read_table(path)
    assert table[["model", "training"]].to_numpy().tolist() == [["NA", "none"], ["nan", "null"]]
    assert table["published"].isna().tolist() == [True, False]


def test_files_are_read_by_their_suffix(tmp_path):
    np.save(tmp_path / "images.npy", np.arange(3, dtype=np.uint8))
    (tmp_path / "claims.json").write_text(json.dumps([{"id": "C1"}]))
    inputs = {
        "table": table_at(tmp_path / "table.csv"),
        "claims": tmp_path / "claims.json",
        "copies": {"elastic": tmp_path / "images.npy"},
        "nothing": {},
    }
    read = read_inputs(inputs, {"table": ["mean"]})
    assert list(read) == list(inputs)
    assert read["table"]["mean"].tolist() == [1]
    assert read["claims"] == [{"id": "C1"}]
    assert isinstance(read["copies"]["elastic"], np.memmap)
    assert read["copies"]["elastic"].tolist() == [0, 1, 2]
    assert read["nothing"] == {}


def test_tables_of_trained_models_become_one(tmp_path):
    paths = {f"study/{name}/none/{name[-1]}": table_at(tmp_path / f"{name}.csv") for name in ("b_1", "a_0")}
    table = read_inputs({"runs": paths}, {"runs": ["mean"]})["runs"]
    assert table.columns.tolist() == ["mean", "low", "study", "model", "training", "seed"]
    assert table.iloc[:, 2:].to_numpy().tolist() == [["study", "b_1", "none", 1], ["study", "a_0", "none", 0]]
    assert table.index.tolist() == [0, 1]


@pytest.mark.parametrize("label", ["table", "a/b/c", "a/b/c/d", "a/b//0", "a/b/c/-1", "a/b/c/\u0661", "a/b/c/0/1"])
def test_other_labels_keep_their_tables_apart(tmp_path, label):
    path = table_at(tmp_path / "table.csv")
    read = read_inputs({"tables": {label: path, "study/model/training/0": path}}, {})["tables"]
    assert list(read) == [label, "study/model/training/0"]
    assert all(isinstance(table, pd.DataFrame) for table in read.values())


def test_columns_are_asked_for_by_argument_or_by_label(tmp_path):
    inputs = {"tables": {"first": table_at(tmp_path / "first.csv"), "second": table_at(tmp_path / "second.csv")}}
    assert list(read_inputs(inputs, {"tables": ["mean"]})["tables"]) == ["first", "second"]
    with pytest.raises(InputError, match=r"second\.csv: lacks the columns high"):
        read_inputs(inputs, {"second": ["high"]})
    cells = {"cells": {"a/b/c/0": inputs["tables"]["first"]}}
    with pytest.raises(InputError, match=r"first\.csv: lacks the columns high"):
        read_inputs(cells, {"cells": ["high"]})


def test_tables_may_be_empty_where_that_is_allowed(tmp_path):
    inputs = {"shares": table_at(tmp_path / "shares.csv", "mean\n")}
    assert len(read_inputs(inputs, {"shares": ["mean"]}, ["shares"])["shares"]) == 0
    assert len(read_inputs(inputs)["shares"]) == 0
    for columns in ({"shares": ["mean"]}, {}):
        with pytest.raises(InputError, match=r"shares\.csv: has no rows"):
            read_inputs(inputs, columns)


@pytest.mark.parametrize("given", ["table.txt", "table", 3, None, ["table.csv"]])
def test_what_is_no_path_is_named(given):
    for inputs in ({"table": given}, {"table": {"label": given}}):
        with pytest.raises(
            InputError, match=r"^table.*; allowed: the path of a \.csv, \.json, \.npy or \.safetensors file"
        ):
            read_inputs(inputs, {})
