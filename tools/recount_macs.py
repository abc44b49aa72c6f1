"""Count anew, with PyTorch's own counter, the multiply-adds of every image model that timm builds.

    pip install torch timm
    python tools/recount_macs.py

Neither package is a dependency of the book, which reads the result: `data/vision/timm_recount.csv`. Every model is
built on PyTorch's device "meta", where tensors have shapes and no contents: no model takes memory, no weights are
fetched. One image passes through `FlopCounterMode` (convolutions, matrix products and attention; MACs = FLOP / 2) and
through `LayerCounter` below. Models and sizes: all that the table `timm_models` publishes, then whatever else timm
builds, at its own size. Rows are appended as they are done: run the command again to go on where it stopped. All 1,664
rows take a quarter of an hour on one core. A model that fails is named on the terminal and gets no row.
"""

import argparse
import csv
import importlib.util
import math
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parent.parent
# fmt: off
COLUMNS = (
    "arch", "img_size", "gmacs_recounted", "gmacs_reparameterised", "gmacs_depthwise", "gmacs_grouped",
    "gmacs_conv3x3", "gmacs_attention", "params_m", "mactivations", "mactivations_depthwise",
    "mactivations_attention", "mwritten", "munfused", "mactivations_reparameterised", "munfused_reparameterised",
    "n_layers_reparameterised", "n_conv", "n_linear", "n_kernels", "gmacs_published", "mactivations_published",
    "gmacs_file", "ratio", "torch_version", "timm_version", "basis",
)
# fmt: on


def stand_in_for_torchvision() -> None:
    """Let timm import without torchvision, of which building a model takes nothing.

    timm imports it for image transforms, surgery on graphs and one frozen normalisation. Each import is answered by an
    empty module whose every attribute is an empty class, whose own attributes are their names.
    """
    if importlib.util.find_spec("torchvision") is not None:
        return

    class NamedNothing(type):
        def __getattr__(cls, name: str) -> str:
            if name.startswith("__"):
                raise AttributeError(name)
            return f"{cls.__name__}.{name}"

    class NothingModule(types.ModuleType):
        __path__ = ()

        def __getattr__(self, name: str) -> type:
            if name.startswith("__"):
                raise AttributeError(name)
            return NamedNothing(name, (), {})

    # fmt: off
    below = (
        "models", "models.feature_extraction", "ops", "ops.misc", "transforms", "transforms.functional", "datasets",
        "utils",
    )
    # fmt: on
    for name in ["torchvision", *(f"torchvision.{part}" for part in below)]:
        sys.modules[name] = NothingModule(name)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, sys.modules[name])


class LayerCounter(TorchDispatchMode):
    """Counts what operations write, and the share of convolutions and attention in the multiply-adds.

    activations: elements that convolutions and linear layers write. A convolution is depthwise when each group reads
    one channel, grouped when it reads several and not all; conv3x3 is dense and of stride 1. Batched products are
    attention; of fused attention the result alone is written. written: elements that all operations write; unfused:
    those of operations that an engine does not fold into a convolution (all but FOLDED).
    """

    # fmt: off
    FOLDED = (
        "convolution", "addmm", "mm", "native_batch_norm", "_native_batch_norm_legit_no_training",
        "cudnn_batch_norm", "relu", "relu_", "hardtanh", "hardtanh_", "clamp_min", "clamp_min_",
    )
    # fmt: on
    WRITES_NOTHING = ("empty", "empty_like", "new_empty", "empty_strided", "detach", "lift_fresh", "native_dropout")

    def __init__(self) -> None:
        super().__init__()
        self.conv_calls = self.linear_calls = self.kernels = self.written = self.unfused = 0
        self.activations = self.depthwise_activations = self.attention_activations = 0
        self.depthwise_macs = self.grouped_macs = self.conv3x3_macs = self.attention_macs = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func._overloadpacket.__name__
        if not getattr(func, "is_view", False):
            self._operation(name, out)
        if name == "convolution":
            self._convolution(args, out)
        elif name in ("addmm", "mm"):
            self.linear_calls += 1
            self.activations += out.numel()
        elif name in ("bmm", "baddbmm"):
            left = args[0] if name == "bmm" else args[1]
            self.attention_activations += out.numel()
            self.attention_macs += out.numel() * left.shape[-1]
        elif "scaled_dot_product" in name:
            query, key, value = args[:3]
            self.attention_activations += out[0].numel()
            pairs = math.prod(query.shape[:-1]) * key.shape[-2]
            self.attention_macs += pairs * (query.shape[-1] + value.shape[-1])
        return out

    def _operation(self, name: str, out: object) -> None:
        first = out[0] if isinstance(out, tuple | list) else out
        self.kernels += 1
        if isinstance(first, torch.Tensor) and name not in self.WRITES_NOTHING:
            self.written += first.numel()
            self.unfused += 0 if name in self.FOLDED else first.numel()

    def _convolution(self, args: tuple, out: torch.Tensor) -> None:
        weight, stride, transposed, groups = args[1], args[3], args[6], args[8]
        self.conv_calls += 1
        self.activations += out.numel()
        if transposed:
            return
        macs = out.numel() * math.prod(weight.shape[1:])
        if groups > 1 and weight.shape[1] == 1:
            self.depthwise_activations += out.numel()
            self.depthwise_macs += macs
        elif groups > 1:
            self.grouped_macs += macs
        elif tuple(weight.shape[2:]) == (3, 3) and set(stride) == {1}:
            self.conv3x3_macs += macs


def build(arch: str, img_size: int) -> torch.nn.Module:
    """The timm model for square images of that many pixels, 1000 classes, on the device meta."""
    import timm

    default_size = timm.models.get_pretrained_cfg(arch).input_size[-1]
    # Some models take their image size when they are built; those that need none refuse the argument.
    choices = [{}] if img_size == default_size else [{"img_size": img_size}, {}]
    for options in choices:
        try:
            with torch.device("meta"):
                model = timm.create_model(arch, pretrained=False, num_classes=1000, **options)
            return model.eval().requires_grad_(False)  # the counter trips over parameters that want gradients
        except TypeError as problem:
            if not (options and "img_size" in str(problem)):
                raise
    raise AssertionError("the last choice returns or raises")


def count(model: torch.nn.Module, img_size: int) -> tuple[float, LayerCounter]:
    """Multiply-adds of one image, and the counter of all else."""
    image = torch.empty(1, 3, img_size, img_size, device="meta")
    flop, layers = FlopCounterMode(display=False), LayerCounter()
    with torch.no_grad(), flop, layers:
        model(image)
    return flop.get_total_flops() / 2, layers


def folded(model: torch.nn.Module, img_size: int) -> dict[str, float]:
    """The counts after branches are folded into one convolution, as before use; empty where nothing folds."""
    from timm.utils import reparameterize_model

    folds = ("reparameterize", "fuse", "switch_to_deploy")
    if not any(hasattr(module, name) for module in model.modules() for name in folds):
        return {}
    with torch.device("meta"):
        model = reparameterize_model(model, inplace=True)
    macs, layers = count(model, img_size)
    return {
        "gmacs_reparameterised": macs / 1e9,
        "mactivations_reparameterised": layers.activations / 1e6,
        "munfused_reparameterised": layers.unfused / 1e6,
        "n_layers_reparameterised": layers.conv_calls + layers.linear_calls,
    }


def recount(arch: str, img_size: int) -> dict[str, float | str]:
    """One row of the table, without the published columns."""
    import timm

    model = build(arch, img_size)
    params = sum(parameter.numel() for parameter in model.parameters())
    macs, layers = count(model, img_size)
    return {
        "gmacs_recounted": macs / 1e9,
        "gmacs_depthwise": layers.depthwise_macs / 1e9,
        "gmacs_grouped": layers.grouped_macs / 1e9,
        "gmacs_conv3x3": layers.conv3x3_macs / 1e9,
        "gmacs_attention": layers.attention_macs / 1e9,
        "params_m": params / 1e6,
        "mactivations": layers.activations / 1e6,
        "mactivations_depthwise": layers.depthwise_activations / 1e6,
        "mactivations_attention": layers.attention_activations / 1e6,
        "mwritten": layers.written / 1e6,
        "munfused": layers.unfused / 1e6,
        "n_conv": layers.conv_calls,
        "n_linear": layers.linear_calls,
        "n_kernels": layers.kernels,
        **folded(model, img_size),
        "torch_version": torch.__version__,
        "timm_version": timm.__version__,
        "basis": "derived",
    }


def work(published: dict[tuple[str, int], dict[str, str]]) -> Iterator[tuple[str, int]]:
    """Published (architecture, size) pairs, then timm's other models at their own size."""
    import timm

    yield from published
    known = {arch for arch, _ in published}
    for arch in timm.list_models():
        if arch not in known:
            yield arch, timm.models.get_pretrained_cfg(arch).input_size[-1]


def rows_by_pair(path: Path) -> dict[tuple[str, int], dict[str, str]]:
    """Rows of a table by architecture and image size, the first where several; none where there is no file."""
    found: dict[tuple[str, int], dict[str, str]] = {}
    if path.exists():
        with path.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                found.setdefault((row["arch"], int(float(row["img_size"]))), row)
    return found


def beside(published: dict[str, str], gmacs: float) -> dict[str, object]:
    """The published counts of a model, and ours over theirs."""
    if not published.get("gmacs"):
        return {}
    names = {"gmacs_published": "gmacs", "mactivations_published": "macts", "gmacs_file": "gmacs_file"}
    theirs = float(published["gmacs"])
    return {ours: published[name] for ours, name in names.items()} | ({"ratio": gmacs / theirs} if theirs else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "vision" / "timm_recount.csv")
    parser.add_argument("--only", nargs="*", help="only these architectures, for a quick check")
    options = parser.parse_args()

    stand_in_for_torchvision()
    torch.set_num_threads(1)
    published = rows_by_pair(ROOT / "data" / "vision" / "timm_models.csv")
    done = rows_by_pair(options.out)
    is_new = not options.out.exists()
    with options.out.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        for pair in work(published):
            if pair in done or (options.only and pair[0] not in options.only):
                continue
            arch, img_size = pair
            try:
                row = recount(arch, img_size)
            except Exception as problem:  # one model that does not build must not stop a thousand others
                print(f"{arch} at {img_size}: {type(problem).__name__}: {problem}", file=sys.stderr)
                continue
            row |= {"arch": arch, "img_size": img_size, **beside(published.get(pair, {}), row["gmacs_recounted"])}
            writer.writerow({key: f"{value:.7g}" if isinstance(value, float) else value for key, value in row.items()})
            handle.flush()


if __name__ == "__main__":
    main()
