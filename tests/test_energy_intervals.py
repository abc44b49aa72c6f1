"""The 90 % interval of a request's energy holds what models left out of the fit take, where the truth is known."""

import numpy as np
import pytest

from energy_lib import calibration as cal

WORLDS = 16
FOLDS = 3


def made_records(rng, table, truth, shared, own):
    """The table as a meter would show it if `truth` held: models of one shape are off together, records alone."""
    energy, step = cal.predict(cal.inputs(table), truth)
    codes, shapes = table["shape"].factorize()
    off = shared * rng.standard_normal(len(shapes))[codes] + own * rng.standard_normal(len(table))
    return table.assign(
        energy_per_output_token_J=energy * np.exp(off), output_throughput_tok_s=table["avg_batch_size"] / step
    )


def covered(rng, table, truth):
    """Share of the records of fresh shapes inside the interval that the other shapes' out-of-fold errors set."""
    made = made_records(rng, table, truth, shared=0.15, own=0.1)
    shapes = rng.permutation(made["shape"].unique())
    fresh = made["shape"].isin(shapes[: len(shapes) // 3])
    seen = made[~fresh]
    fold = dict(zip(seen["shape"].unique(), np.arange(seen["shape"].nunique()) % FOLDS, strict=True))
    errors, _ = cal.left_out_errors(seen.assign(fold=seen["shape"].map(fold)), "fold")
    inside = np.abs(cal.log_errors(made[fresh], cal.fit(seen))) <= np.log(cal.interval_factor(errors))
    return inside.mean()


@pytest.mark.nightly
def test_the_interval_of_a_request_holds_fresh_models_in_simulated_worlds():
    rng, truth = np.random.default_rng(1), cal.read_constants()
    table = cal.records().sample(frac=0.4, random_state=1).reset_index(drop=True)
    shares = [covered(rng, table, truth) for _ in range(WORLDS)]
    assert 0.86 <= np.mean(shares) <= 0.94, f"{np.mean(shares):.3f}, standard error {np.std(shares) / WORLDS**0.5:.3f}"


def test_the_interval_of_a_request_widens_with_the_doubt_about_a_model():
    rng, truth, table = np.random.default_rng(2), cal.read_constants(), cal.records()
    calm, wild = (
        cal.interval_factor(cal.log_errors(made_records(rng, table, truth, shared, 0.05), truth))
        for shared in (0.05, 0.3)
    )
    assert 1.0 < calm < 1.3 < wild


@pytest.mark.parametrize(("confidence", "width"), [(0.5, 0.5), (0.9, 0.9), (0.99, 0.99)])
def test_the_interval_factor_is_the_quantile_of_absolute_errors(confidence, width):
    errors = np.linspace(-1.0, 1.0, 20_001)
    assert np.log(cal.interval_factor(errors, confidence)) == pytest.approx(width, abs=1e-3)


def test_few_errors_give_the_largest_of_them():
    assert cal.interval_factor(np.log([1.1, 0.5])) == pytest.approx(2.0)
