"""Changes of a scenario split without residual, break-even inverts growth; senseless questions are refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import about, answers, doubtful, product_of_lognormals, rng, scenario

from energy_lib.adoption import STREAMS, energy_by_year
from energy_lib.change import break_even, decompose, halved, log_mean, needed_for, split_change
from energy_lib.draws import simulate
from energy_lib.factors import Path
from energy_lib.sensitivity import sobol

POSITIVE = st.floats(1e-6, 1e6)
FACTORS = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=8)


@given(FACTORS)
def test_a_change_splits_into_factors_without_residual(pairs):
    before, after = ({str(i): pair[end] for i, pair in enumerate(pairs)} for end in (0, 1))
    start, end = np.prod(list(before.values())), np.prod(list(after.values()))
    parts = split_change(before, after)
    assert abs(sum(parts.values()) - (end - start)) <= 1e-13 * len(pairs) * max(start, end)
    multiples = [np.exp(part / log_mean(end, start)) for part in parts.values()]
    assert np.prod(multiples) == pytest.approx(end / start, rel=1e-11)


@given(POSITIVE, POSITIVE)
def test_a_factor_that_appears_accounts_for_all_of_the_change(start, end):
    parts = split_change({"use": 0.0, "joules": start}, {"use": 1.0, "joules": end})
    assert parts["use"] == pytest.approx(end) and parts["joules"] == 0.0


GROWTH = st.floats(0.5, 2.0)


@given(st.lists(GROWTH, min_size=10, max_size=10), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_scenario_splits_into_factors_to_machine_precision(growth, share, frontier):
    g = iter(growth)
    streams = {name: answers(Path(500, growth=next(g)), 1.0, next(g)) for name in STREAMS}
    paths = {"people": 8e9, "share_using": share, "frontier_share": frontier, "pue": 1.2}
    world = scenario(**streams, **{n: Path(v, growth=next(g)) for n, v in paths.items()}, hardware_gain=next(g))
    energy = {y: next(energy_by_year(world, world.medians(), [y]))["energy_twh", "all"] for y in (2026, 2030)}
    table = decompose(world, 2026, 2030)
    assert abs(table["change_twh"].sum() - (energy[2030] - energy[2026])) <= 1e-12 * max(energy.values())
    assert table["multiple"].prod() == pytest.approx(energy[2030] / energy[2026], rel=1e-11)
    np.testing.assert_allclose(table["frontier_twh"] + table["year_old_twh"], table["change_twh"], atol=1e-12)


def test_the_split_of_draws_adds_up_to_the_change_of_their_mean():
    draws = simulate(doubtful(), draws=2000, rng=rng())
    table = decompose(draws)
    assert table["change_twh"].sum() == pytest.approx(draws.mean()[-1] - draws.mean()[0], rel=1e-11)
    ratio = np.exp(np.mean(np.log(draws.samples()[-1] / draws.samples()[0])))
    assert table["multiple"].prod() == pytest.approx(ratio, rel=1e-11)
    assert (table["multiple_low"] <= table["multiple_high"]).all()


@given(st.lists(GROWTH, min_size=5, max_size=5), st.floats(0.05, 0.95))
def test_growth_of_use_at_break_even_leaves_energy_as_it_was(growth, frontier):
    hardware, new, old, pue, server = growth
    still = scenario(
        people=8e9,
        share_using=0.2,
        frontier_share=frontier,
        frontier=answers(600, 2.0, new),
        year_old=answers(300, 0.5, old),
        hardware_gain=hardware,
        pue=Path(1.2, growth=pue),
        server_overhead=Path(1.5, growth=server),
    )
    even = break_even(still).factor_per_year
    grown = replace(still, people=Path(8e9, growth=even))
    first, *_, last = (found["energy_twh", "all"] for found in energy_by_year(grown, grown.medians(), grown.years))
    assert last == pytest.approx(first, rel=1e-9)
    assert break_even(grown).use_factor_per_year == pytest.approx(even, rel=1e-9)


def test_break_even_of_one_stream_has_the_interval_of_its_gains():
    world = scenario(
        frontier_share=1.0,
        frontier=answers(500, 1.0, about(1.1, 1.2)),
        hardware_gain=about(1.3, 1.1),
        software_gain=about(1.2, 1.3),
        server_overhead=1.5,
    )
    even = break_even(simulate(world, draws=100_000, rng=rng()))
    spread = np.exp(np.sqrt(np.sum(np.log([1.2, 1.1, 1.3]) ** 2)))
    median = 1.1 * 1.3 * 1.2
    np.testing.assert_allclose(
        [even.low, even.factor_per_year, even.high], median * spread ** np.array([-1, 0, 1]), rtol=5e-3
    )
    assert break_even(world).factor_per_year == pytest.approx(median, rel=0.01)
    assert break_even(world) == break_even(world)


def test_a_factor_at_its_needed_value_reaches_the_target():
    world, target = scenario(), 40.0
    table = needed_for(world, target, 2025).set_index(["factor", "stream"])
    assert table.loc[("frontier_share", "frontier"), "reachable"] == (
        table.loc[("frontier_share", "frontier"), "needed"] <= 1
    )
    for changed in (
        replace(world, requests_per_day=table.loc[("requests_per_day", "both"), "needed"]),
        replace(world, pue=table.loc[("pue", "both"), "needed"]),
        replace(world, frontier=answers(table.loc[("tokens_per_request", "frontier"), "needed"], 2.0)),
        replace(world, year_old=answers(300, table.loc[("chip_j_per_token", "year_old"), "needed"])),
    ):
        assert next(energy_by_year(changed, changed.medians(), [2025]))["energy_twh", "all"] == pytest.approx(target)


def test_a_share_that_reaches_the_target_does_so_and_none_beyond_one_is_called_reachable():
    world = scenario()
    now = float(next(energy_by_year(world, world.medians(), [2025]))["energy_twh", "all"])
    table = needed_for(world, now * 1.2, 2025).set_index("factor")
    changed = replace(world, frontier_share=table.loc["frontier_share", "needed"])
    assert next(energy_by_year(changed, changed.medians(), [2025]))["energy_twh", "all"] == pytest.approx(now * 1.2)
    far = needed_for(world, now * 6, 2025).set_index("factor")
    assert not far.loc["share_using", "reachable"] and not far.loc["frontier_share", "reachable"]
    little = needed_for(world, now / 1000, 2025).set_index(["factor", "stream"])
    assert (
        not little.loc[("pue", "both"), "reachable"] and not little.loc[("chip_j_per_token", "frontier"), "reachable"]
    )


def test_halving_a_factor_of_all_requests_saves_half():
    table = halved(scenario(), 2028).set_index(["factor", "stream"])["saved_share"]
    assert table["people", "both"] == table["hardware", "both"] == pytest.approx(0.5)
    assert table["tokens_per_request", "frontier"] + table["tokens_per_request", "year_old"] == pytest.approx(0.5)
    assert 0 < table["pue", "both"] == pytest.approx(0.1 / 1.2)


def test_other_questions_that_make_no_sense_are_refused():
    world, nothing = scenario(), scenario(share_using=0.0)
    draws = simulate(world, draws=10, rng=rng())
    for ask, message in (
        (lambda: decompose(world, 2030, 2026), "year1 = 2026 must be after year0 = 2030"),
        (lambda: decompose(world, 2020, 2026), "year = 2020"),
        (lambda: decompose(nothing), "no energy in 2025"),
        (lambda: break_even(nothing), "no energy in 2025"),
        (lambda: needed_for(world, -1, 2030), "target_twh = -1"),
        (lambda: needed_for(world, 1, 2031), "year = 2031"),
        (lambda: sobol(world, 2030, rng=rng()), "no input of the scenario is doubtful"),
        (lambda: sobol(doubtful(), 2030, rng=rng(), samples=1000), "power of two"),
        (lambda: sobol(product_of_lognormals(), 2024, rng=rng()), "year = 2024"),
        (lambda: draws.quantile(1.5), "q = 1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            ask()
