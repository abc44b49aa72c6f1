"""The tables of use, chips and data centres agree with themselves, with each other and with the rest of the data."""

from __future__ import annotations

import re

import pytest

from energy_lib.datasets import load, package

DESCRIPTIONS = {resource["name"]: resource["description"] for resource in package()["resources"]}


@pytest.mark.parametrize("name", ["ai_usage", "ai_chips_installed", "datacentre_electricity", "everyday_energy"])
def test_a_table_whose_rows_overlap_says_that_they_must_not_be_added(name):
    assert re.search(r"(must not|never) be added up", DESCRIPTIONS[name])


def test_a_restated_disclosure_agrees_with_the_row_that_it_restates():
    usage = load("ai_usage").dropna(subset=["tokens_per_day_equiv"])
    monthly = usage[(usage["company"] == "Google") & (usage["metric"] == "tokens per month")]
    restated = usage[usage["repeats"]]
    assert len(restated) == len(monthly) == 5
    ratio = restated["tokens_per_day_equiv"].to_numpy() / monthly["tokens_per_day_equiv"].to_numpy()
    assert ((ratio > 0.98) & (ratio < 1.03)).all()


def test_energies_of_a_prompt_are_those_of_the_published_requests():
    prompts = load("ai_usage").query("metric == 'energy per prompt'")["value"]
    assert set(prompts) <= set(load("published_query_energy")["Wh_per_query"])
    assert set(prompts) <= set(load("everyday_energy")["wh"])


def test_installed_chips_never_become_fewer_and_keep_their_compute_and_power():
    chips = load("ai_chips_installed")
    for _, chip in chips.groupby("chip"):
        assert chip["units_median"].is_monotonic_increasing and chip["date"].dt.is_quarter_end.all()
        weight = chip["h100e_median"] / chip["units_median"]
        assert weight.max() - weight.min() <= 2 / chip["units_median"].min()
    listed = chips["accelerator"].map(load("accelerators").set_index("name")["tdp_w"])
    known = chips["tdp_w"].notna()
    assert (listed[known] == chips["tdp_w"][known]).all()


def iea(metric):
    """Values of the IEA's annex of 2025 by place, kind of data centre, year, case and boundary."""
    table = load("datacentre_electricity")
    rows = table[(table["dataset"] == "IEA_EnergyAI_2025") & (table["metric"] == metric)]
    return rows.set_index(["region", "segment", "year", "scenario", "boundary"])["value"]


def off_by(value):
    """Half of the last digit that the IEA prints: tenths for the small values, whole numbers for the others."""
    return 0.05 if value % 1 or value < 3 else 0.5


def test_kinds_of_data_centres_sum_to_all_of_them_and_regions_stay_below_the_world():
    for metric in ("electricity consumption", "installed capacity"):
        world = iea(metric).loc["World"].unstack("segment")
        assert (world.drop(columns="all data centres").sum(axis=1) - world["all data centres"]).abs().max() <= 2
        base = iea(metric).xs("all data centres", level="segment").unstack("region").dropna()
        regions = base.drop(columns=["World", "China", "United States"]).sum(axis=1)
        assert regions.div(base["World"]).between(0.96, 1.01).all()
        assert (base["China"] < base["Asia Pacific"]).all() and (base["United States"] <= base["North America"]).all()


def test_electricity_of_data_centres_is_capacity_times_hours_times_load():
    energy, capacity, load_factor = (iea(m) for m in ("electricity consumption", "installed capacity", "load factor"))
    for place, percent in load_factor.items():
        gigawatts, terawatt_hours = capacity[place], energy[place]
        low = (gigawatts - off_by(gigawatts)) * 8.76 * (percent - 0.5) / 100
        high = (gigawatts + off_by(gigawatts)) * 8.784 * (percent + 0.5) / 100
        assert low - off_by(terawatt_hours) <= terawatt_hours <= high + off_by(terawatt_hours), place


def test_effectiveness_of_the_model_is_facility_over_equipment():
    energy = iea("electricity consumption").unstack("boundary").dropna()
    pue = load("pue").query("scope == 'fleet model'").set_index(["organisation", "year", "scenario"])["pue"]
    assert len(energy) == len(pue)
    for (region, segment, year, scenario), row in energy.iterrows():
        part = f", {segment}" if region == "World" else ""
        value = pue[f"{region}{part} (IEA model)", year, scenario]
        facility, equipment = row["facility"], row["IT equipment"]
        low = (facility - off_by(facility)) / (equipment + off_by(equipment)) - 0.005
        high = (facility + off_by(facility)) / (equipment - off_by(equipment)) + 0.005
        assert low <= value <= high, (region, segment, year, scenario)


def test_reviewed_forecasts_for_2030_spread_by_more_than_fifty_times():
    table = load("datacentre_electricity")
    forecasts = table[(table["dataset"] == "Mytton_Ashtine_2022_review") & (table["region"] == "Global")]
    forecasts = forecasts[forecasts["year"] == 2030]["value"]
    assert (forecasts.min(), forecasts.max()) == (146, 8253)
    derived = table[table["dataset"] == "derived"]["value"].item()
    assert derived == round(416 * 1.17)


def test_values_that_were_not_read_again_stay_marked():
    usage, pue, everyday = (
        load(name).query("evidence == 'not re-read'") for name in ("ai_usage", "pue", "everyday_energy")
    )
    assert list(usage["product"]) == ["Foundry APIs (fiscal year 2025)"]
    assert list(pue["pue"]) == [1.09]
    assert list(everyday["wh"]) == [77, 188, 9856.3]


def test_electricity_of_a_person_a_day_is_that_of_the_world():
    world = load("electricity_by_country").query("country == 'World' and year == 2024")["per_capita_kWh"].item()
    mine = load("everyday_energy").set_index("item")["wh"]["World electricity generation, per person per day (2024)"]
    assert mine == pytest.approx(world / 365.25 * 1000, rel=1e-3)
