"""BG/NBD and gamma-gamma on CDNOW's customers, beside the estimates that their authors published.

    pip download --no-deps --dest /tmp/cdnow lifetimes==0.11.3
    python benchmarks/tasks/cdnow.py --write /tmp/cdnow/Lifetimes-0.11.3-py3-none-any.whl

The wheel carries the authors' summary of 2,357 customers in weeks; nothing of it is installed or kept.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np
import pandas as pd

from benchmarks import measure
from cartpath.models.lifetime import BgNbd, GammaGamma, Rfm, fit_bg_nbd, fit_gamma_gamma

HERE = Path(__file__).resolve().parent
NAME = "lifetimes/datasets/cdnow_customers_summary_with_transactions.csv"
#: Fader, Hardie and Lee, Marketing Science 24, 2005 (time in weeks); Fader and Hardie, 2013 (of repeat purchases).
PUBLISHED = BgNbd(0.243, 4.414, 0.793, 2.426), GammaGamma(6.25, 3.74, 15.44)
PUBLISHED_LIKELIHOOD = "-9,582.4", ""


def read(wheel: Path) -> Rfm:
    with zipfile.ZipFile(wheel) as archive, archive.open(NAME) as file:
        table = pd.read_csv(file)
    columns = (table[name].to_numpy(float) for name in ("x", "t_x", "T", "x", "zbar"))
    return Rfm(np.arange(len(table)), *columns)


def rows_of(ours: BgNbd | GammaGamma, published: BgNbd | GammaGamma, likelihood: str, buyers: Rfm) -> list[list[str]]:
    name = type(ours).__name__
    theirs = asdict(published)
    rows = [[f"{name} {of}", f"{theirs[of]:g}", f"{value:.4f}"] for of, value in asdict(ours).items()]
    found, at = (float(model.log_likelihood(buyers).sum()) for model in (ours, published))
    return [*rows, [f"{name} log likelihood", likelihood or f"{at:,.2f} (of theirs, by us)", f"{found:,.2f}"]]


def main() -> None:
    """Fit, print; and with ``--write`` keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    asked = parser.parse_args()
    buyers = read(asked.wheel)
    again = buyers.take(np.flatnonzero(buyers.frequency > 0))
    models = (fit_bg_nbd(buyers), buyers), (fit_gamma_gamma(again), again)
    rows = [
        row
        for (ours, of), published, likelihood in zip(models, PUBLISHED, PUBLISHED_LIKELIHOOD, strict=True)
        for row in rows_of(ours, published, likelihood, of)
    ]
    sizes = f"{len(buyers):,} customers, {len(again):,} of whom bought again; time in weeks."
    text = "\n\n".join([measure.table(["", "published", "cartpath"], rows), sizes])
    print(text)
    if asked.write:
        measure.write_section(HERE / "README.md", "cdnow", text)


if __name__ == "__main__":
    main()
