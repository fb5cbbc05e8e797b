"""Mutation testing in small: which changes of a module's code do its tests not notice?

    python benchmarks/mutation.py dfecs_lib/metrics.py tests/test_metrics.py tests/trust/test_numbers.py [--most 150]

One place of the module is changed at a time: a comparison or an operator for another, a number for another, a condition
for its opposite, a keyword argument or a returned value left out. Tests run in a forked process with that module; a
mutant that none of them fails on is printed with its line. Where there are more mutants than `--most`, a seeded sample
is taken. Docstrings, messages and annotations are left alone. Needs a system that forks.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from _results import write

_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.MatMult: ast.Add,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_SECONDS = 120


def places(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str]]:
    """Yield (node, kind of change, words)."""
    aside = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Raise)]
    for node in ast.walk(tree):
        aside += [n for n in (getattr(node, "annotation", None), getattr(node, "returns", None)) if n is not None]
    told = {id(child) for node in aside for child in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in told:
            continue
        if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in _OPERATORS:
            yield node, "operator", type(node.op).__name__
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _OPERATORS:
            yield node, "comparison", type(node.ops[0]).__name__
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node, "number", repr(node.value)
        if isinstance(node, ast.If | ast.IfExp):
            yield node, "condition", "opposite"
        if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
            yield node, "return", "None"
        if isinstance(node, ast.Call) and node.keywords:
            yield node, "keyword", str(node.keywords[-1].arg)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
            yield node, "sign", type(node.op).__name__


def mutated(tree: ast.Module, number: int) -> tuple[str, str]:
    """Return the source of mutant `number`, and what it is."""
    whole = copy.deepcopy(tree)
    node, kind, words = list(places(whole))[number]
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and kind == "operator":
        node.op = _OPERATORS[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.Compare):
        node.ops[0] = _OPERATORS[type(node.ops[0])]()  # type: ignore[call-overload]
    elif isinstance(node, ast.Constant):
        node.value = node.value + 1  # type: ignore[operator]
    elif isinstance(node, ast.If | ast.IfExp):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Return):
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Call):
        node.keywords.pop()
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
    line = getattr(node, "lineno", 0)
    return ast.unparse(ast.fix_missing_locations(whole)), f"line {line}: {kind} {words}"


def survives(place: Path, module: Path, source: str, tests: list[str]) -> bool:
    """Whether all tests pass with this source; in a process of its own."""
    (place / module).write_text(source, encoding="utf-8")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(_SECONDS)
            with (place / "said.txt").open("w") as said:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
            import pytest

            sys.path.insert(0, str(place))
            os.chdir(place)
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])
        finally:
            os._exit(int(code))
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", type=Path)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--most", type=int, default=150)
    given = parser.parse_args()
    import pandas
    import scipy.signal
    import sklearn.decomposition  # loaded once, not in every child

    del pandas, scipy, sklearn
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    root, source = Path.cwd(), given.module.read_text(encoding="utf-8")
    tree = ast.parse(source)
    count = sum(1 for _ in places(tree))
    chosen = sorted(random.Random(0).sample(range(count), min(count, given.most)))
    left: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("dfecs_lib", "tests", "pyproject.toml", "data_manifest.yaml", "notebooks"):
            (shutil.copytree if (root / name).is_dir() else shutil.copy)(root / name, place / name)
        for cache in place.rglob("__pycache__"):
            shutil.rmtree(cache)
        if not survives(place, given.module, source, given.tests):
            raise SystemExit(f"the tests fail on the module as it is: {(place / 'said.txt').read_text()[-800:]}")
        for number in chosen:
            text, what = mutated(tree, number)
            if survives(place, given.module, text, given.tests):
                left.append(what)
                print(what, flush=True)
    killed = len(chosen) - len(left)
    print(f"{killed} of {len(chosen)} mutants killed ({count} possible)")
    result = {"module": given.module.as_posix(), "tests": given.tests, "mutants": len(chosen), "possible": count}
    print(write(f"mutation_{given.module.stem}", {**result, "killed": killed, "survivors": left}))


if __name__ == "__main__":
    main()
