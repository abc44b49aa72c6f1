"""A scenario file gives what it spells out, survives a round trip, and is refused with the place of its fault."""

import json

import pytest
from worlds import TOML, around, doubtful, scenario

from energy_lib.checks import UnknownNameError
from energy_lib.factors import Fixed, Path
from energy_lib.scenario_file import read_scenario, scenario_mapping, scenario_of


def test_a_file_gives_the_scenario_that_it_spells_out(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    world = read_scenario(path)
    assert world.people == Path(Fixed(8e9, "a census"), Fixed(1.01))
    assert world.share_using.growth == around(low=1.2, high=1.6, source="a guess")
    assert world.pue.start.median == 1.15 and world.year_old.chip_j_per_token.high == 1.0


@pytest.mark.parametrize("world", [scenario(), doubtful()])
def test_a_scenario_survives_a_file(world, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(scenario_mapping(world)), encoding="utf-8")
    assert read_scenario(path) == world == scenario_of(scenario_mapping(world))


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("people =", "peoples =", UnknownNameError, "unknown key of a scenario 'peoples': the nearest is 'people'"),
        ("growth = 1.01", "grwth = 1.01", UnknownNameError, "unknown key of people 'grwth': the nearest is 'growth'"),
        ("model_gain = 0.9", "model_gian = 0.9", UnknownNameError, "the stream frontier 'model_gian'"),
        ("hardware_gain = 1.3", "", ValueError, "a scenario lacks hardware_gain"),
        ("model_gain = 0.9", "", ValueError, "the stream frontier lacks model_gain"),
        ("pue = {", "pue = { value = 1.2,", ValueError, "pue: give value, or low and high, not both"),
        ("hardware_gain = 1.3", "hardware_gain = { value = 1, low = 1 }", ValueError, "low and high, not both"),
        ("hardware_gain = 1.3", "hardware_gain = { value = 1, high = 1 }", ValueError, "low and high, not both"),
        ("hardware_gain = 1.3", "hardware_gain = { value = 1, median = 1 }", ValueError, "low and high, not both"),
        ("low = 0.2, high", "high", ValueError, "year_old.chip_j_per_token: give value, or low and high"),
        ("low = 0.2", "low = 2", ValueError, "year_old.chip_j_per_token: low = 2 must be below high = 1"),
        (
            "requests_per_day = 5",
            "requests_per_day = 'five'",
            ValueError,
            "requests_per_day must be a number or a table",
        ),
        ("[frontier]", "[frontier", ValueError, "is not TOML"),
        ("2025", "'2025'", ValueError, "first_year must be a number"),
        ("low = 0.1, high = 0.3", "low = 0.1, high = 1.3", ValueError, "share_using: high = 1.3"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(old, new, error, message, tmp_path):
    assert old in TOML
    path = tmp_path / "mine.toml"
    path.write_text(TOML.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(error, match=message):
        read_scenario(path)


def test_a_file_that_is_no_text_or_no_table_is_refused(tmp_path):
    path = tmp_path / "mine.json"
    for content, message in ((b"[1, 2]", "must be a table"), (b"{", "is not JSON"), (b"\xff\xfe\x00", "is not JSON")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_scenario(path)
