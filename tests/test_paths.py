"""Stages are dated by what lasts, and every duration is a stage year minus a clock year."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.pathways import STAGES, date_stages, durations, industry_path, load_path_study, published_durations
from calibration.payoff import lasting_crossing
from stockflow.errors import UnknownNameError

TIMES = np.arange(2000.0, 2010.25, 0.25)


def test_a_rush_is_no_stage_but_what_lasts_a_year_is() -> None:
    rush = np.where((TIMES >= 2003) & (TIMES < 2003.75), 0.2, np.where(TIMES >= 2006, 0.15, 0.05))
    assert lasting_crossing(TIMES, rush, 0.1) == pytest.approx(2005.875)
    assert lasting_crossing(TIMES, np.full_like(TIMES, 0.2), 0.1) == 2000.0
    assert lasting_crossing(TIMES, np.full_like(TIMES, 0.05), 0.1) == np.inf


def test_self_sustaining_needs_share_and_parity_at_once() -> None:
    share = np.where(TIMES < 2002, 0.05, 0.3)
    parity = np.where((TIMES >= 2000) & (TIMES < 2001.5), 1.0, np.where(TIMES >= 2007, 1.0, 3.0))
    values = {
        "Cumulative River Crossing": TIMES - 2000,
        "Commercial Designs": TIMES - 2001,
        "market share": share,
        "trigger benchmark": np.full_like(TIMES, 2.0),
        "unsubsidised user cost": parity,
    }
    stages = date_stages(TIMES, values)
    assert stages["share 10%"] < 2002.01
    assert 2006.7 < stages["self-sustaining"] < 2007.01
    assert stages["river crossed"] == 2001.0
    assert stages["product"] == 2002.0


def test_durations_are_stage_minus_clock_and_the_window_is_the_studys() -> None:
    study = load_path_study()
    table = durations([industry_path("nev", study, None)], study)
    known = table.dropna(subset=["years"])
    np.testing.assert_allclose(known["years"], known["stage year"] - known["clock year"])
    low, high = study.window
    assert (known["in window"].astype(bool) == known["years"].between(low, high)).all()
    assert set(table["stage"]) == set(STAGES)


def test_an_unknown_case_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'nev'"):
        industry_path("nevs", load_path_study(), None)


def test_published_durations_are_differences_of_dates_in_the_table() -> None:
    narrow, wide = published_durations((0.0, 1.0)), published_durations((0.0, 500.0))
    assert (narrow["share within 0-1"] < wide["share within 0-500"]).all()
    assert isinstance(wide, pd.DataFrame)
    assert (wide["lower quartile"] <= wide["median"]).all()
