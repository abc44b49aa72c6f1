"""The directive {chart} in a small book: what stands under a figure, and what the build refuses."""

import json
import sys
import warnings
from pathlib import Path

import altair as alt
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from sphinx.cmd.build import main as sphinx_main

EXTENSIONS = Path(__file__).parents[1] / "book" / "_ext"
sys.path += [str(EXTENSIONS), str(Path(__file__).parents[1] / "tools")]

import chart_table  # noqa: E402
import figure  # noqa: E402

from energy_lib import publish  # noqa: E402

CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["figures"]
source_suffix = {{".rst": "restructuredtext"}}
html_baseurl = "https://site.test/"
html_theme_options = {{}}
html_theme = "basic"
numfig = True

def setup(app):
    app.add_config_value("external_toc_path", "none", "env")
    app.connect("config-inited", lambda app, config: config.html_theme_options.update(
        repository_url="https://code.test/book", repository_branch="main"))
"""
CELL = "```{code-cell} ipython3\n%s\n```\n\n"
TEXT = f"# A story\n\n{CELL % 'one = 1'}```{{chart}} fig-x\nA caption.\n```\n\n{CELL % 'make()'}"


def record_of(rows, monkeypatch):
    shown = []
    monkeypatch.setattr(publish, "_display", shown.append)
    made = (
        alt.Chart(rows)
        .mark_point()
        .encode(
            x=alt.X("batch:Q", title="Batch"), y=alt.Y("energy_j:Q", title="Joules for each image"), tooltip=["model"]
        )
    )
    parts = {"description": "Dots.", "source": "A table.", "data_as_of": "2021-04"}
    publish.chart("fig-x", made.properties(width="container"), **parts, tables=[])
    return shown[0][publish.CHART_MIME]


@pytest.fixture
def recorded(monkeypatch):
    rows = pd.DataFrame({"batch": range(1, 41), "energy_j": [1.5 * n for n in range(1, 41)], "model": "a"})
    return record_of(rows, monkeypatch)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """What all books keep of their builds: the script that draws charts is made once."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def site(tmp_path):
    return tmp_path / "site"


@pytest.fixture
def build(tmp_path, site, kept, capsys):
    """A function that builds a book of one page with one chart; returns what Sphinx said, and the page."""

    def built(chart):
        (tmp_path / "_build").symlink_to(kept)
        (tmp_path / "conf.py").write_text(CONF)
        (tmp_path / "index.rst").write_text("A book\n======\n\n.. chart:: fig-x\n\n   A caption.\n")
        folder = tmp_path / "notebooks"
        folder.mkdir()
        (folder / "story.md").write_text(TEXT)
        cells = [{"cell_type": kind, "source": "", "outputs": []} for kind in ("markdown", "code", "markdown", "code")]
        cells[3]["outputs"] = [{"data": {publish.CHART_MIME: chart}}]
        (folder / "story.ipynb").write_text(json.dumps({"cells": cells}))
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            failed = sphinx_main(["-q", "-b", "html", str(tmp_path), str(site)])
        page = site / "index.html"
        said = capsys.readouterr().err
        return said, None if failed else BeautifulSoup(page.read_text(), "html.parser")

    return built


def test_a_figure_has_its_picture_its_source_its_rows_and_the_way_to_remake_it(build, recorded, site):
    said, page = build(recorded)
    assert page, said
    shown = page.find("figure")
    assert [image["alt"] for image in shown.find_all("img")] == ["Dots."] * 2
    assert "Source: A table · data as of 2021-04" in shown.find(class_="chart-origin").get_text()
    folded = shown.find("details", class_="chart-data")
    assert folded.find("code").get_text() == "make figure NAME=fig-x"
    links = {link.get_text(): link["href"] for link in folded.find_all("a")}
    assert links["cell that made it"] == "https://code.test/book/blob/main/notebooks/story.md?plain=1#L11"
    assert (site / links["CSV"]).read_text().splitlines()[0] == "model,Batch (requests),Joules for each image (J)"
    assert len(folded.select("tbody tr")) == chart_table.INLINE_ROWS
    whole = BeautifulSoup((site / links["all rows"]).read_text(), "html.parser")
    assert len(whole.select("tbody tr")) == 40


def test_the_data_stand_once_in_the_script_of_the_page(build, recorded):
    said, page = build(recorded)
    assert page, said
    spec = json.loads(page.find("script", type="application/json").string)
    assert [len(rows) for rows in spec["datasets"].values()] == [40]
    assert len(page.find_all("script", type="application/json")) == 1


@pytest.mark.parametrize(
    ("part", "value"), [("description", ""), ("source", None), ("data_as_of", ""), ("table", {}), ("table", None)]
)
def test_a_chart_without_one_of_its_parts_fails_the_build_with_its_place(build, recorded, part, value):
    said, page = build({**recorded, part: value})
    assert page is None
    missing = "data" if part == "table" else part
    assert f"chart 'fig-x' (notebook 'story', cell 4) is without {missing}" in said


def test_a_chart_without_rows_fails_the_build(build, recorded):
    recorded["spec"]["datasets"] = {name: [] for name in recorded["spec"]["datasets"]}
    said, page = build(recorded)
    assert page is None and "cell 4) is without data" in said


def test_a_chart_without_a_unit_fails_the_build(build, recorded):
    for column in recorded["table"]["columns"]:
        column["unit"] = ""
    said, page = build(recorded)
    assert page is None and "is without the unit of 'Batch', the unit of 'Joules for each image'" in said


def test_a_picture_that_cannot_be_drawn_fails_the_build(build, recorded):
    recorded["spec"]["mark"] = "nonsense"
    _, page = build(recorded)
    assert page is None


def test_the_command_names_the_figures_nearest_to_an_unknown_one():
    with pytest.raises(SystemExit, match=r"no notebook has a figure 'fig-vision-enrgy'; nearest: .*fig-vision-energy"):
        figure.notebook_of("fig-vision-enrgy")
