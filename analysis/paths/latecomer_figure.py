"""One picture of a race: modelled shares of leader and followers with their 90% bands, and the observed ones."""

from pathlib import Path

import pandas as pd

from analysis.paths.latecomers import Following
from analysis.plain.style import drawing, save
from stockflow.intervals import quantiles

LOOKS = (("#222222", "-", "o"), ("#d1495b", "--", "s"), ("#1b4965", "-.", "^"), ("#66a182", ":", "D"))
FROM = 1970.0


def race_figure(answer: Following, stem: Path) -> Path:
    """Draw `answer` over time from 1970 and save picture and numbers under `stem`."""
    race = answer.race
    told = {race.study.leader_title: race.leader_share}
    told |= {follower.title: race.shares[key] for key, follower in race.study.followers.items()}
    seen = race.times >= FROM
    rows = []
    with drawing(figsize=(6.5, 3.8)) as (figure, ax):
        for (title, share), (colour, line, mark) in zip(told.items(), LOOKS, strict=False):
            low, median, high = 100 * quantiles(share[:, seen])
            ax.fill_between(race.times[seen], low, high, color=colour, alpha=0.15, linewidth=0)
            ax.plot(race.times[seen], median, line, color=colour, label=title)
            part = answer.shares[answer.shares["country"] == title]
            ax.plot(part["year"] + 0.5, 100 * part["observed"], mark, color=colour, markersize=5, mfc="white")
            rows.append(pd.DataFrame({"country": title, "time": race.times[seen], "low": low, "median": median,
                                      "high": high}))  # fmt: skip
        for follower in race.study.followers.values():
            ax.axvline(follower.entry, color="#9aa5ab", linewidth=0.8, zorder=0)
            ax.annotate(f"{follower.title} enters", (follower.entry, 102), ha="center", fontsize=8, color="#5f6b73",
                        annotation_clip=False)  # fmt: skip
        ax.set_ylim(0, 100)
        ax.set_ylabel("share of world sales (%)")
        ax.set_xlabel("year")
        figure.legend(loc="outside lower center", ncols=3)
        figure.suptitle(f"{race.study.title}\n(marks: observed; {answer.basis})", x=0.01,
                        ha="left", fontsize=10)  # fmt: skip
    return save(figure, pd.concat(rows, ignore_index=True), stem)
