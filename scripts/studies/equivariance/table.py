"""How equivariant each kind of layer is, as TeX."""

import pandas as pd

from invariance.paper import tex
from invariance.paper.tex import small, with_gaps
from invariance.results.labels import LAYERS, in_order, label

PLACES = {"everywhere": "everywhere", "inside": "inside", "background": "inside", "border": "border"}


def tabular(errors: pd.DataFrame) -> str:
    """Relative equivariance errors by kind of layer, each layer alone, and of invariance at the heads.

    Inside are the places that see neither padding nor seam, or see them on an empty background. Borders of strided
    layers under shifts that are not multiples of the stride are left out: two causes meet there.
    """
    rows = errors[(errors.scope == "layer") | (errors.place == "head")]
    head = rows.place == "head"
    multiple = rows["shift"] % rows.total_stride.where(head, rows.stride) == 0
    alike = (rows.kind == "fully_connected") | (rows.stride == 1) & ~head
    rows = rows.assign(
        kind=pd.Categorical(rows.kind, in_order(rows.kind, LAYERS), ordered=True),
        shifted=multiple.map({True: "multiple", False: "other"}).mask(alike, "any"),
        where=pd.Categorical(rows.place.map(PLACES).fillna(""), ["everywhere", "inside", "border", ""]),
    )
    rows = rows[(rows["where"] != "border") | (rows.shifted != "other")]
    cells = []
    by = ["kind", "padding", "stride", "shifted", "where", "exact"]
    for (kind, padding, stride, shifted, where, exact), group in rows.groupby(by, observed=True):
        sizes = [group.error[group.weights == weights] for weights in ("untrained", "trained")]
        shown = [small(value) for size in sizes for value in (size.median(), size.max())]
        about = (padding, str(stride)) if where else ("", "")
        cells.append((label(kind), (*about, shifted, where, "0" if exact else "$>$0", *shown)))
    above = [
        r" & & & & & & \multicolumn{2}{c}{Untrained} & \multicolumn{2}{c}{Trained} \\",
        r"\cmidrule(lr){7-8}\cmidrule(lr){9-10}",
    ]
    header = ["Layer", "Padding", "Stride", "Shift", "Where", "Theory", *["Median", "Largest"] * 2]
    return tex.tabular("llrlllrrrr", header, with_gaps(cells), above)
