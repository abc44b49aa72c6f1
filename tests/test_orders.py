"""No order of rows depends on the machine: where rows tie, numpy's default sort orders them by the processor."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(p for folder in ("energy_lib", "tools", "book/_ext") for p in (ROOT / folder).rglob("*.py"))
TEXTS = sorted((ROOT / "notebooks").glob("*.md"))
PARTIAL = {"partition", "argpartition"}  # of numpy; strings have a partition too
BY_POSITION = {"nlargest", "nsmallest"}
SORTS = {"sort_values", "sort_index", "sort", "argsort"}


def code_of(path: Path) -> str:
    """The code of a module, or that of a notebook's cells, on the lines of its file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    lines = re.sub(r"^ +%pip", "    ...  #", text, flags=re.M).split("\n")
    inside = False
    for at, line in enumerate(lines):
        fence = line.startswith("```")
        if fence or not inside or line.startswith(":tags:"):
            lines[at] = ""
        if fence:
            inside = line.startswith("```{code-cell}")
    return "\n".join(lines)


def is_stable(call: ast.Call, method: str) -> bool:
    """Whether a call sorts rows that tie in the order they came in."""
    given = {word.arg: word.value for word in call.keywords}
    if isinstance(kind := given.get("kind"), ast.Constant):
        return kind.value == "stable"
    by = given.get("by") or (call.args[0] if call.args else None)
    if method == "sort_values":  # pandas sorts by two keys and more with numpy.lexsort, which is stable
        return isinstance(by, ast.List) and len(by.elts) > 1
    return method == "sort" and "key" in given  # a list's, which is stable


def unstable(code: str) -> list[tuple[int, str]]:
    """Line and name of each call that may order ties by the processor."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, owner = node.func.attr, node.func.value
        of_numpy = isinstance(owner, ast.Name) and owner.id in ("np", "numpy")
        if name in BY_POSITION or (name in PARTIAL and of_numpy) or (name in SORTS and not is_stable(node, name)):
            found.append((node.lineno, name))
    return sorted(found)


@pytest.mark.parametrize("path", [*SOURCES, *TEXTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_sort_is_stable(path):
    found = [f"{path.relative_to(ROOT)}:{line}: {name}" for line, name in unstable(code_of(path))]
    assert not found, f"write kind='stable', or sort by two keys of which the last is unique: {', '.join(found)}"


@pytest.mark.parametrize(
    "code",
    [
        "t.sort_values('date')",
        "t.sort_values(['date'])",
        "s.sort_values(ascending=False)",
        "t.sort_values('date', kind='quicksort')",
        "t.sort_index()",
        "np.sort(x)",
        "np.argsort(x)",
        "x.argsort()",
        "x.sort()",
        "np.argpartition(x, 3)",
        "t.nlargest(3, 'score')",
    ],
)
def test_a_sort_that_depends_on_the_processor_is_found(code):
    assert [line for line, _ in unstable(f"\n{code}")] == [2]


@pytest.mark.parametrize(
    "code",
    [
        "t.sort_values('date', kind='stable')",
        "t.sort_values(['date', 'model'], ascending=False)",
        "np.sort(x, kind='stable')",
        "rows.sort(key=len)",
        "'a.b'.partition('.')",
    ],
)
def test_a_sort_that_does_not_is_allowed(code):
    assert unstable(code) == []


def test_the_code_of_notebooks_is_looked_at_on_its_own_lines():
    text = ROOT / "notebooks" / "vision.md"
    line = next(n for n, line in enumerate(text.read_text(encoding="utf-8").split("\n"), 1) if ".sort_values(" in line)
    assert ".sort_values(" in code_of(text).split("\n")[line - 1]
    assert len(code_of(text).split("\n")) == len(text.read_text(encoding="utf-8").split("\n"))
