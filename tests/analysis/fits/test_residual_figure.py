"""The residual figure shows every series and leaves the numbers it drew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.fits.figures import residual_panels
from calibration.fitting.estimates import SeriesFit


def test_the_figure_leaves_a_picture_and_the_standardised_residuals_it_drew(tmp_path: Path) -> None:
    series = [
        SeriesFit(
            "price", "CNY2020/W", "closed loop", (2001, 2002, 2004), (1.0, 2.0, 4.0), (1.1, 1.8, 4.0), (0.1,) * 3
        ),
        SeriesFit("share", "1", "shown only", (2001,), (0.5,), (0.4,), (0.2,)),
    ]
    picture = residual_panels("Case", series, tmp_path / "figures" / "residuals")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.with_suffix(".svg").exists()
    table = pd.read_csv(picture.with_suffix(".csv"))
    assert table["series"].tolist() == ["price"] * 3 + ["share"]
    expected = np.log([1.1, 0.9, 1.0, 0.8]) / np.array([0.1, 0.1, 0.1, 0.2])
    assert table["residual in stated errors"].to_numpy() == pytest.approx(expected, rel=1e-6, abs=1e-9)
