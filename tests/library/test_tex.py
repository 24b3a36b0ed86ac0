"""TeX: formats of numbers, and tabulars that fit their columns."""

import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invariance.paper import tex
from invariance.paper.numbers import result_lines
from printed import cells_of, columns_of, is_whole, rows_of

NAN = float("nan")


# ----------------------------------------------------------------------------------------------------------------------
# Formats


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain words, 12.5 (a/b)", "plain words, 12.5 (a/b)"),
        ("simard_cnn", r"simard\_cnn"),
        ("100% of #1 & {x} for $5", r"100\% of \#1 \& \{x\} for \$5"),
        (r"C:\new", r"C:\textbackslash{}new"),
        ("C^2 ~ 5", r"C\textasciicircum{}2 \textasciitilde{} 5"),
        ("", ""),
    ],
)
def test_escape(text, escaped):
    assert tex.escape(text) == escaped


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab1 \\&%$#_{}~^"))
def test_escape_leaves_no_special_character(text):
    left = re.sub(r"\\text(backslash|asciitilde|asciicircum)\{\}", "", tex.escape(text))
    assert not re.search(r"(?<!\\)[&%$#_{}]|[~^]|\\(?![&%$#_{}])", left)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1.005, 1, "1.0"),
        (12.345, 2, "12.35"),
        (100, 2, "100.00"),
        (-1.5, 2, "$-$1.50"),
        (0, 2, "0.00"),
        (-0.0, 2, "0.00"),
        (-0.001, 2, "0.00"),
        (-0.005001, 2, "$-$0.01"),
        (99.96, 0, "100"),
        (None, 2, "--"),
        (NAN, 2, "--"),
    ],
)
def test_number(value, decimals, text):
    assert tex.number(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.5, "0.50"),
        (-0.5, "$-$0.50"),
        (0.01, "0.01"),
        (0.0034, r"$3.4\times10^{-3}$"),
        (1e-7, r"$1.0\times10^{-7}$"),
        (-2.5e-6, r"$-2.5\times10^{-6}$"),
        (9.96e-5, r"$1.0\times10^{-4}$"),
        (0.00999, r"$1.0\times10^{-2}$"),
        (None, "--"),
        (NAN, "--"),
    ],
)
def test_small(value, text):
    assert tex.small(value) == text


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-30, 9.9e-3), st.sampled_from([1, -1]))
def test_small_has_one_digit_before_the_point_and_keeps_the_value(size, sign):
    written = re.fullmatch(r"\$(-?[1-9]\.[0-9])\\times10\^\{(-[0-9]+)\}\$", tex.small(sign * size))
    assert written
    assert float(written[1]) * 10.0 ** int(written[2]) == pytest.approx(sign * size, rel=0.051)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.04999, "0.050"), (0.001, "0.001"), (0.00099, "{<}0.001"), (0, "{<}0.001"), (1, "1.000"), (NAN, "--")],
)
def test_p_value(value, text):
    assert tex.p_value(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("test_error", 0.814, "0.81"),
        ("mean_consistency", 99.996, "100.00"),
        ("radius", 2, "2.0"),
        ("max_pool_radius", 1.25, "1.2"),
        ("largest_range_radius", 5.5, "5.5"),
        ("largest_range", 6, "6"),
        ("largest_range_shifted_error", 6, "6.00"),
        ("drift", 1.2e-6, r"$1.2\times10^{-6}$"),
        ("max_drift", 3.456, "3.46"),
        ("circular_mismatch", 1.2e-16, r"$1.2\times10^{-16}$"),
        ("exact_cases", 1750.0, "1{,}750"),
        ("mcnemar_p", 0.0001, "{<}0.001"),
        ("parameters", 132540, "132{,}540"),
        ("parameters", 132540.0, "132{,}540"),
        ("seeds", 3, "3"),
        ("runs", 6.0, "6"),
        ("runs", NAN, "--"),
        ("drift", None, "--"),
        ("mcnemar_p", None, "--"),
    ],
)
def test_formatted_by_measure(name, value, text):
    assert tex.formatted(name, value) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((1.5, 1.25, 1.75), "1.50 [1.25, 1.75]"),
        ((0.5, -0.25, 1.25), "0.50 [$-$0.25, 1.25]"),
        ((0, 0, 0), "0.00 [0.00, 0.00]"),
        ((1.5, None, None), "1.50"),
        ((-1.5, NAN, NAN), "$-$1.50"),
        ((NAN, NAN, NAN), "--"),
    ],
)
def test_with_interval(interval, text):
    assert tex.with_interval(*interval) == text


def test_result_lines():
    assert result_lines([("a/b", "1"), ("c", "$-$2")]) == "\\result{a/b}{1}\n\\result{c}{$-$2}\n"


def test_groups_are_named_once_with_gaps_between_them():
    rows = list(tex.with_gaps([("a", ("1",)), ("a", ("2",)), ("b", ("3",))]))
    assert rows == [["a", "1"], ["", "2"], (), ["b", "3"]]


# ----------------------------------------------------------------------------------------------------------------------
# Tabulars


def test_counting_of_columns():
    assert columns_of(r"@{}ll>{\raggedright\arraybackslash}p{0.30\linewidth}r@{}") == 4
    assert cells_of(r" & & \multicolumn{4}{c}{Error (\%)} & \& \\") == 7


def test_study_tabular_puts_each_mean_under_its_heading():
    values = {name: 10.0 + place for place, name in enumerate(tex.STUDY_COLUMNS)}
    rows = [("s", "mlp", "centred", name, 2, value, 0, 0, 0, 0) for name, value in values.items()]
    rows.append(("s", "stn", "centred", "drift", 2, 2e-6, 0, 0, 0, 0))
    columns = ["study", "model", "training", "measure", "seeds", "mean", "low", "high", "best", "worst"]
    text = tex.study_tabular(pd.DataFrame(rows, columns=columns))
    assert is_whole(text)
    _, _, first, second = rows_of(text)
    shown = [cell.strip() for cell in first.removesuffix(r"\\").split("&")]
    assert shown == ["centred", "MLP", *(tex.formatted(name, value) for name, value in values.items())]
    assert second.endswith(r"& -- & -- & $2.0\times10^{-6}$ \\")
