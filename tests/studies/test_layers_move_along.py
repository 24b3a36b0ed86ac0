"""What is said of equivariance errors: claim C3, and their table."""

from types import SimpleNamespace

import pandas as pd
import pytest

import judging
from judging import judge_all
from printed import is_whole, rows_of
from rolled import made_up_equivariance
from studies.equivariance.table import tabular

RULE = {"C3": {"max_exact": 1e-12, "min_inexact": 1e-3}}


def judged(table: pd.DataFrame) -> SimpleNamespace:
    return judging.judged({"equivariance": table}, RULE)["C3"]


def test_c3_is_the_largest_error_where_theory_says_0():
    claim = judged(made_up_equivariance())
    assert claim.verdict == "supported"
    assert claim.number == claim.high == pytest.approx(1.1 * 1.1e-16)
    assert claim.low == pytest.approx(1.1e-16)
    assert claim.details["odd_smallest_mismatch"] == pytest.approx(0.55)  # trained alone
    assert claim.details["border_smallest_mismatch"] == pytest.approx(0.55)  # trained alone
    assert claim.details["circular_mismatch"] == pytest.approx(1.1 * 1.1e-16)
    table = made_up_equivariance()
    assert claim.details["exact_cases"] + claim.details["inexact_cases"] == len(table)


@pytest.mark.parametrize("place", ["everywhere", "inside", "head"])
def test_c3_one_case_refutes(place):
    table = made_up_equivariance()
    row = table[table.exact & (table.place == place)].index[-1]
    assert judged(table.assign(error=table.error.mask(table.index == row, 1.1e-12))).verdict == "refuted"
    assert judged(table.assign(error=table.error.mask(table.index == row, 1e-12))).verdict == "supported"


def test_c3_is_undecided_where_the_measure_finds_nothing():
    table = made_up_equivariance()
    odd = (table["shift"] % 2 == 1) & (table.stride == 2) & (table.kind == "convolution") & (table.place != "border")
    border = (table.place == "border") & (table.layer > 0) & (table.kind == "convolution") & (table["shift"] % 2 == 0)
    for blind in (odd, border):
        assert judged(table.assign(error=table.error.mask(blind & (table.seed == 0), 1e-4))).verdict == "undecided"
        assert judged(table[~blind | (table.stride == 1)]).verdict == ("undecided" if blind is odd else "supported")
    assert judged(table[table.place != "border"]).verdict == "undecided"


def test_c3_without_its_table_is_absent():
    assert judge_all({}, RULE) == ({}, {"C3": "equivariance"})


# ----------------------------------------------------------------------------------------------------------------------
# As TeX


def test_equivariance_tabular_sets_theory_beside_what_is_measured():
    text = tabular(made_up_equivariance(seeds=2))
    assert is_whole(text)
    rows = [[cell.strip() for cell in row.removesuffix(r"\\").split("&")] for row in rows_of(text)[2:]]
    assert all(row[5] == "0" or r"\times" not in "".join(row[6:]) for row in rows)
    exact = [r"$1.1\times10^{-16}$"] * 2 + [r"$1.2\times10^{-16}$"] * 2
    assert rows[0] == ["convolution", "circular", "1", "any", "everywhere", "0", *exact]
    assert rows[2] == ["", "circular", "2", "other", "everywhere", "$>$0", "0.53", "0.55", "0.58", "0.61"]
    zeros = [row[2:6] for row in rows if row[1] == "zeros"]
    assert ["1", "any", "inside", "0"] in zeros
    assert ["1", "any", "border", "$>$0"] in zeros
    assert ["2", "other", "border", "$>$0"] not in zeros
    heads = [[row[0], row[3], row[5]] for row in rows if not row[1]]
    pooled = [["global average pooling", "multiple", "0"], ["", "other", "$>$0"], ["", "other", "0"]]
    assert heads == [["fully connected", "any", "$>$0"], *pooled]
    assert "& 0 & 0 & 0 & 0 " in tabular(made_up_equivariance(rounding=0))


def test_a_kind_of_layer_without_a_label_is_in_the_table_behind_those_that_have_one():
    table = made_up_equivariance()
    table["kind"] = table.kind.replace("max_pool", "lp_pool")
    names = [row.split("&")[0].strip() for row in rows_of(tabular(table))[2:]]
    assert [name for name in names if name] == [
        *("convolution", "average pooling", "blur pooling", "polyphase sampling"),
        *("fully connected", "global average pooling", "lp pool"),
    ]
