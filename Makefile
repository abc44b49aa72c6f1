# The two commands a newcomer needs are `make book` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
# Charts with a time axis are drawn in the machine's zone: everybody's is this one, as in tools/inputs.py.
export TZ := UTC
# The library's arrays are small: threads of the linear algebra wait for each other, and on a busy machine for minutes.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

.PHONY: book pdf notebooks figure fit test test-browser test-pdf test-nightly processors arm64 coverage mutants diff release archive verify serve bench clean pins
.DELETE_ON_ERROR:

book: $(INSTALLED)  ## re-execute what changed, render the book
	@$(BIN)/python tools/book.py --execute

pdf: $(INSTALLED)  ## the edition for paper, by LaTeX, beside the pages: _build/html/energy-of-inference.pdf
	@$(BIN)/python tools/notebooks.py
	@$(BIN)/python tools/pdf.py

notebooks: $(INSTALLED)  ## re-execute the notebooks whose text, library or tables changed
	@$(BIN)/python tools/notebooks.py

figure: $(INSTALLED)  ## one figure and its rows in _build/figures: make figure NAME=fig-vision-energy
	@$(BIN)/python tools/figure.py "$(NAME)"

fit: $(INSTALLED)  ## fit all constants anew from the measured tables, into data/fitted
	$(BIN)/python -m energy_lib.calibration
	$(BIN)/python -m energy_lib.image_calibration
	$(BIN)/python -m energy_lib.left_out

test: $(INSTALLED)  ## everything that must hold before a change lands
	@$(BIN)/python tools/notebooks.py --check
	@$(BIN)/python tools/diff.py --check
	@$(BIN)/python tools/book.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -p no:nbval -n auto --dist worksteal -m "not browser and not pdf and not nightly" tests energy_lib
	@# Their tied rows shuffled and numbers moved in the last digits: what the notebooks say must hang on neither.
	$(BIN)/python -m pytest -n auto --dist loadfile --nbval --perturbed 1 notebooks

test-browser: $(INSTALLED) node_modules/.package-lock.json  ## pages in Chromium, which must be installed (Debian: apt-get install chromium nodejs npm)
	@$(BIN)/python tools/book.py
	$(BIN)/python -m pytest -p no:nbval -n auto --dist worksteal -m "browser and not nightly" --ignore=tests/test_lighthouse_browser.py tests
	$(BIN)/python -m pytest -m "not nightly" tests/test_lighthouse_browser.py  # alone: it marks speed

test-pdf: $(INSTALLED)  ## the edition for paper; needs LaTeX and poppler-utils
	@$(BIN)/python tools/pdf.py
	$(BIN)/python -m pytest -m pdf tests

test-nightly: $(INSTALLED)  ## simulations, the same bytes everywhere, bad luck: minutes each; needs Linux and the right to mount
	$(BIN)/python -m pytest -m nightly --durations=0 tests

processors: $(INSTALLED)  ## the library's tests and the notebooks' comparison on five simulated processors: half an hour and more
	@$(BIN)/python tools/processors.py

arm64: $(INSTALLED)  ## some tests of the library and a notebook on arm64, emulated; needs Debian's debootstrap and qemu-user-static, and root
	@$(BIN)/python tools/arm64.py

coverage: $(INSTALLED)  ## which lines and branches of energy_lib the tests run
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not browser and not pdf and not nightly" \
	    --cov=energy_lib --cov-branch --cov-report=term-missing:skip-covered tests energy_lib

mutants: $(INSTALLED)  ## small changes of energy_lib that no test notices; SAMPLE=20 a module, MODULES="units trends"
	@$(BIN)/python tools/mutants.py $(if $(SAMPLE),--sample $(SAMPLE)) $(MODULES)

diff: $(INSTALLED)  ## re-execute what changed; say what moved since the last edition: numbers, charts, rows of tables
	@$(BIN)/python tools/notebooks.py
	@$(BIN)/python tools/diff.py

release: $(INSTALLED)  ## freeze what is published now as the edition that pyproject.toml names
	@$(BIN)/python tools/notebooks.py --all
	@$(BIN)/python tools/diff.py --release

archive:  ## the built book as one file to unpack and read, with its SHA-256 sums, in _build
	@$(MAKE) --no-print-directory book
	@$(BIN)/python tools/archive.py

verify: $(INSTALLED)  ## whether a book is whole and unchanged, by its SHA-256 sums: `make verify SITE=folder-or-zip` for a downloaded one
	@$(BIN)/python tools/sums.py $(if $(SITE),"$(SITE)")

serve: $(INSTALLED)  ## rebuild and reload in the browser while you write; `PORT=8001 make serve` for another port
	@$(BIN)/python tools/serve.py

bench: $(INSTALLED) node_modules/.package-lock.json  ## times and ratios, printed; `make bench PARTS="importing simulating"` prints these alone, BEFORE=commit times that too
	@$(BIN)/python tools/bench.py $(if $(BEFORE),--before $(BEFORE)) $(PARTS)

clean:  ## remove what was built, keep the environment
	rm -rf _build mutants .coverage .pytest_cache .hypothesis .ruff_cache

pins: $(INSTALLED)  ## compile requirements.txt anew from pyproject.toml (needs the network)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra book --extra test --extra build --universal \
	    --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --output-file requirements.txt
	$(BIN)/uv pip compile pyproject.toml --extra notebooks --constraint requirements.txt --universal \
	    --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --output-file binder/requirements.txt

node_modules/.package-lock.json: package-lock.json package.json  ## what the tests in Chromium and the benchmark run in pages
	@command -v npm > /dev/null || { echo "The tests in Chromium need Node.js 18.16 or later and npm (Debian: apt-get install nodejs npm); the book itself does not." >&2; exit 1; }
	npm ci --silent
	@touch $@

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] + ": set PYTHON=python3.12, for example")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python tools/install.py
	@$(BIN)/pip check
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@
