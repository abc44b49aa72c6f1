"""The book's own scenario of the world: every factor a distribution with its source, derived from the tables.

A request is one call of a language model, by a person or by a program that works for people. What is disclosed says
little of most factors, and the intervals are wide on purpose; where no table gives a factor, a `judgement` stands in.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from energy_lib import chat, datasets
from energy_lib.adoption import Scenario, Stream
from energy_lib.checks import quantity
from energy_lib.factors import Fixed, Lognormal, Path
from energy_lib.judgements import judgement
from energy_lib.once import computed_once
from energy_lib.usage import TOKENS, count_at, largest, usage_series
from energy_lib.world_joules import (
    HORIZON,
    chip_j_per_token,
    hardware_gain,
    model_gain,
    pue,
    representative_models,
    representative_parts,
    server_overhead,
    software_gain,
)

FIRST_YEARS = (2024, 2026)  # with disclosures of users, messages and tokens
CHATS = {"v1.0": "chat", "v2.0": "chat", "v3.0": chat.CHAT}  # the task of each benchmark that is a conversation


def world_scenario(first_year: int = 2025) -> Scenario:
    """The world's use of language models from `first_year` (2024 to 2026) to 2030, and what it takes.

    People, users, requests, tokens and PUE start from what was disclosed for the first year; joules of a token are
    those of `request_energy` for the models that set records in that year (`frontier`) and in the year before
    (`year_old`). Every factor names its source. Raises `ValueError` for other years.

    >>> world = world_scenario()
    >>> world.years[0], world.years[-1], world.inputs["hardware_gain"].factor.source
    (2025, 2030, 'trends of 16-bit and best operations a joule, server GPUs 2016-2026 (table accelerators)')
    """
    low, high = FIRST_YEARS
    quantity("first_year", first_year, "year", low=low, high=high, low_allowed=True)
    if first_year != int(first_year):
        raise ValueError(f"first_year = {first_year} must be a whole year")
    return _world(int(first_year))


@computed_once
def _world(year: int) -> Scenario:
    share = share_using(year)
    streams = {name: _stream(name, year) for name in ("frontier", "year_old")}
    return Scenario(
        first_year=year,
        last_year=HORIZON,
        people=people(year),
        share_using=share,
        requests_per_day=requests_per_day(year, share, streams["frontier"]),
        frontier_share=Path(judgement("frontier_share"), judgement("frontier_share_growth")),
        **streams,
        server_overhead=server_overhead(),
        pue=pue(year),
        hardware_gain=hardware_gain(),
        software_gain=software_gain(),
        estimate_error=judgement("fleet_over_bench"),
    )


def _stream(name: str, year: int) -> Stream:
    models = representative_models(year if name == "frontier" else year - 1)
    return Stream(
        tokens_per_request=tokens_per_request(name, year),
        chip_j_per_token=chip_j_per_token(models, representative_parts(year)),
        model_gain=model_gain(name),
    )


def middle(year: int) -> pd.Timestamp:
    return pd.Timestamp(year, 7, 1)


def people(year: int) -> Path:
    """Population of the world, carried on from the last year known at the growth of that year; growth to come lies
    between the lowest and the highest of the last ten years."""
    world = datasets.load("electricity_by_country").query("country == 'World'").dropna(subset=["population"])
    known = world.set_index("year")["population"].astype(float)
    growth = (known / known.shift()).dropna().iloc[-10:]
    last = known.index[-1]
    now = known.get(year, known.iloc[-1] * growth.iloc[-1] ** (year - last))
    source = "UN World Population Prospects (table electricity_by_country)"
    return Path(Fixed(float(now), source), Lognormal(low=growth.min(), high=growth.max(), source=source))


def share_using(year: int) -> Path:
    """Share of people who use a language model: between the users a week of the largest chat product and the users a
    month of the largest product of any kind.

    Its odds grow at least as in the last two disclosures of the largest chat product, and at most so that in 2030 as
    large a share uses it as used the internet in 2025.
    """
    rows, at = usage_series(), middle(year)
    everyone = people(year).start.median
    chatgpt = "ChatGPT, users a week"
    start = Lognormal(
        low=count_at(chatgpt, at, rows) / everyone,
        high=largest("users a month", at, rows) / everyone,
        source="largest product by users a week and by users a month (table ai_usage)",
    )
    usage = datasets.load("ai_usage").query("metric == 'internet users'").sort_values("date", kind="stable")
    online = usage.iloc[-1]["value"] / people(usage.iloc[-1]["date"].year).start.median
    last = rows[rows["series"] == chatgpt].sort_values("date", kind="stable").iloc[-2:]
    odds = _odds(last["value"].to_numpy() / everyone)
    years = (last["date"].iloc[1] - last["date"].iloc[0]).days / 365.25
    now = np.sqrt(_odds(start.low) * _odds(start.high))
    growth = Lognormal(
        low=(odds[1] / odds[0]) ** (1.0 / years),
        high=(_odds(online) / now) ** (1.0 / (HORIZON - year)),
        source="latest growth of ChatGPT's weekly users; as many as are online by 2030 (table ai_usage)",
    )
    return Path(start, growth)


def _odds(share: float | np.ndarray) -> float | np.ndarray:
    return share / (1.0 - share)


def requests_per_day(year: int, share: Path, frontier: Stream) -> Path:
    """Requests a day of each user: from the messages that people type, to these and all calls that disclosed tokens
    imply::

        calls = largest token count x (all tokens / largest) / (1 + tokens read for each written) / tokens written
                / users
    """
    rows, at = usage_series(), middle(year)
    typed = count_at("ChatGPT, messages a day", at, rows) / count_at("ChatGPT, users a week", at, rows)
    users = people(year).start.median * np.sqrt(share.start.low * share.start.high)
    tokens = largest(TOKENS, at, rows) * judgement("all_over_largest_tokens").high
    written = tokens / (1.0 + judgement("input_per_written_token").median)
    calls = written / frontier.tokens_per_request.start.median / users
    source = "messages a ChatGPT user; largest token count and judgement all_over_largest_tokens (table ai_usage)"
    return Path(Lognormal(low=typed, high=typed + calls, source=source), judgement("requests_growth"))


def answer_tokens() -> pd.DataFrame:
    """Tokens of an answer by version of the benchmark: `low`, `median` and `high` (5, 50, 95 %) over chat runs, and the
    `date`; `reasoning`, the median of a hard question where it was asked, else NaN. Source: table `mlenergy_llm`."""
    table = datasets.load("mlenergy_llm")
    found = []
    for version, task in CHATS.items():
        runs = table[table["benchmark_version"] == version]
        tokens = runs.loc[runs["task"] == task, "avg_output_tokens"]
        hard = runs.loc[runs["task"] == chat.REASONING, "avg_output_tokens"].median()
        found.append((version, runs["benchmark_date"].min(), *tokens.quantile([0.05, 0.5, 0.95]), hard))
    return pd.DataFrame(found, columns=["version", "date", "low", "median", "high", "reasoning"])


def mixed_tokens(chat_tokens: float, reasoning_tokens: float, reasoning_share: float) -> float:
    """Mean tokens of an answer when a share of all *tokens* is written by answers that reason.

    >>> round(mixed_tokens(600, 6000, 0.5))
    1091
    """
    return 1.0 / (reasoning_share / reasoning_tokens + (1.0 - reasoning_share) / chat_tokens)


def tokens_per_request(stream: str, year: int) -> Path:
    """Tokens that a request writes: chats of the newest benchmark of the year with a share of reasoning (frontier), and
    chats of the benchmark before (year-old).

    Growth: none at least, and at most what answers grew by from the first benchmark to the last.
    """
    runs = answer_tokens()
    newest = int(runs.index[runs["date"].dt.year <= year][-1])
    now, before, first, last = (runs.iloc[i] for i in (newest, newest - 1, 0, -1))
    shares = judgement("reasoning_token_share")
    ends = ("low", "median", "high")

    def mixed(row: pd.Series) -> dict[str, float]:
        if np.isnan(row["reasoning"]):
            return {end: row[end] for end in ends}
        return {end: mixed_tokens(row[end], row["reasoning"], getattr(shares, end)) for end in ends}

    start = mixed(now) if stream == "frontier" else {end: before[end] for end in ends}
    reached = mixed(last)["median"] if stream == "frontier" else last["median"]
    years = (last["date"] - first["date"]).days / 365.25
    source = "answers of ML.ENERGY's benchmarks (table mlenergy_llm)"
    mix = " and judgement reasoning_token_share" if stream == "frontier" else ""
    growth = Lognormal(low=1.0, high=(reached / first["median"]) ** (1.0 / years), source=f"{source}{mix}")
    return Path(Lognormal(**{k: float(v) for k, v in start.items()}, source=f"{source}{mix}"), growth)
