"""Cells as scripts are told them: files do not say whose they are, since twins share them."""

import argparse


def cell(text: str) -> dict[str, str | int]:
    """Argparse type of study/model/training/seed, such as simard2003/mlp/none/0."""
    parts = text.split("/")
    if len(parts) != 4 or not all(parts) or not (parts[3].isdecimal() and parts[3].isascii()):
        raise argparse.ArgumentTypeError(f"{text!r}; allowed: study/model/training/seed, such as simard2003/mlp/none/0")
    return {"study": parts[0], "model": parts[1], "training": parts[2], "seed": int(parts[3])}
