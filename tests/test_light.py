"""An estimate needs numpy and pandas alone, loads nothing that it does not use, and is read once by all threads."""

import subprocess
import sys
from pathlib import Path

import pytest

import energy_lib

ROOT = Path(__file__).parents[1]
# What extras bring, and a plain installation lacks.
EXTRAS = ("altair", "ecologits", "frictionless", "scipy", "statsmodels", "threadpoolctl", "vl_convert")
ESTIMATE = 'request_energy("Llama-3.1-8B", "H100 SXM5 80GB", input_tokens=300, output_tokens=500, batch=8)'


def python(code):
    """What a fresh process prints."""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def without_extras(code):
    return python(f"import sys\nsys.modules.update(dict.fromkeys({EXTRAS!r}))\nfrom energy_lib import *\n{code}")


@pytest.mark.parametrize(
    "code",
    [
        f"print({ESTIMATE}.energy_j > 0)",
        'print(image_energy(0.6e9, 6.7e6, "Raspberry Pi 4").energy_j > 0)',
        'print(load("accelerators")["tdp_w"].max() > 0)',
        "print(forward_flop(language_model('GPT-3 175B'), 2048) > 0)",
    ],
)
def test_a_plain_installation_answers(code):
    assert without_extras(code) == "True"


@pytest.mark.parametrize(
    ("code", "needs", "extra"),
    [
        ("fit_growth([2012, 2014, 2016], [1.0, 4.0, 16.0])", "statsmodels", "fit"),
        ("from energy_lib import calibration; calibration.fit(calibration.records())", "scipy", "fit"),
        ("from energy_lib.validation import validate; validate('gpus')", "Frictionless", "tables"),
    ],
)
def test_what_a_plain_installation_lacks_is_named(code, needs, extra):
    said = without_extras(f"try:\n    {code}\nexcept Exception as error:\n    print(error)")
    assert needs in said and f"pip install 'energy-lib[{extra}]'" in said


def test_importing_the_library_loads_nothing():
    assert python("import sys, energy_lib; print({'numpy', 'pandas'} & set(sys.modules))") == "set()"


def test_an_estimate_loads_neither_a_fit_nor_a_check():
    loaded = python(f"import sys; from energy_lib import request_energy; {ESTIMATE}; print(*sys.modules)").split()
    assert not set(EXTRAS) & {name.partition(".")[0] for name in loaded}


def test_every_public_name_is_there_and_no_other_is_promised():
    assert sorted(energy_lib._MODULES) == energy_lib.__all__
    assert set(energy_lib.__all__) <= set(dir(energy_lib))
    for name in energy_lib.__all__:
        assert getattr(energy_lib, name).__module__ == f"energy_lib.{energy_lib._MODULES[name]}"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'request_enregy'"):
        _ = energy_lib.request_enregy


def test_the_version_is_that_of_the_project():
    assert f'version = "{energy_lib.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_types_are_exported():
    assert (ROOT / "energy_lib" / "py.typed").is_file()


COLD = f"""
import threading
from energy_lib import datasets, request_energy
read, find = [], datasets._read
def counted(resource, folder):
    read.append(resource["name"])
    return find(resource, folder)
datasets._read = counted
found, start = [], threading.Barrier(8)
def ask():
    start.wait()
    found.append(float({ESTIMATE}.energy_j))
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(found), len(set(found)), len(read) - len(set(read)))
"""


def test_eight_threads_of_a_cold_process_get_their_first_estimate_and_each_table_is_read_once():
    assert python(COLD) == "8 1 0"
