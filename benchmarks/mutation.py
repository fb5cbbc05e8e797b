"""Mutation testing in small: which changes of a module's code do its tests not notice?

    python benchmarks/mutation.py [MODULE …] [--most 60] [--seed 0] [--minutes 35] [--again]

One place of a module is changed at a time: a comparison or an operator for another, a number for another, a condition
for its opposite, a keyword argument or a returned value left out. The module's examples and the tests that belong to it
(`TESTS`) run in a forked process with that change; one that none of them fails on is printed with its line. Where there
are more changes than `--most`, a seeded sample is taken. Docstrings, messages and annotations are left alone; compiled
functions are compiled again for every change. By default all modules of `TESTS`, results in one dated JSON, in which
modules that were not run again keep theirs; `--again` runs only those changes that nothing noticed the last time.
Needs a system that forks.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import copy
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from _results import FOLDER, write

_HEAD = ["preprocessing/test_neutral_report.py", "preprocessing/test_neutral_head.py", "preprocessing/test_ranges.py"]
#: Module -> its tests, the quickest first.
TESTS = {
    "metrics": ["test_metrics.py"],
    "preprocessing/registration": ["preprocessing/test_registration.py"],
    "preprocessing/motion": ["preprocessing/test_motion.py"],
    "preprocessing/linear": ["preprocessing/test_frontalizer.py"],
    "preprocessing/neutral": ["preprocessing/test_neutral.py", "preprocessing/test_neutral_head.py"],
    "preprocessing/neutral_rules": ["preprocessing/test_neutral.py"],
    "preprocessing/smoothing": ["preprocessing/test_smoothing.py"],
    "preprocessing/pose": ["preprocessing/test_frontalizer.py", "preprocessing/test_dense.py"],
    "preprocessing/frontalization": ["preprocessing/test_frontalizer.py"],
    "preprocessing/base": ["preprocessing/test_motion.py", "preprocessing/test_frontalizer.py"],
    "preprocessing/anchors": ["preprocessing/test_assessment.py"],
    "preprocessing/pipeline": ["preprocessing/test_smoothing.py", "preprocessing/test_frontalizer.py"],
    "preprocessing/prepare": ["test_road.py", "preprocessing/test_dense.py"],
    "preprocessing/neutral_head": _HEAD,
    "preprocessing/neutral_report": _HEAD,
    "preprocessing/head_rest": _HEAD,
    "preprocessing/head_fit": _HEAD,
    "preprocessing/exemplars": ["preprocessing/test_exemplars.py"],
    "coding/sparse_coding": ["ffm/test_sparse_coding.py", "ffm/test_additive.py"],
    "coding/paths": ["test_encoding_paths.py"],
    "coding/least_angle": ["test_encoding_paths.py", "ffm/test_sparse_coding.py"],
    "coding/alternate": ["ffm/test_refinement.py", "ffm/test_additive.py"],
    "coding/anderson": ["ffm/test_anderson.py"],
    "coding/encoders": ["ffm/test_full_model.py"],
    "coding/kernels": ["ffm/test_sparse_coding.py", "ffm/test_refinement.py", "ffm/test_additive.py"],
    "coding/unit_updates": ["ffm/test_unit_updates.py"],
}

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
_SECONDS = 180
_FIRST = 1200  # compiled functions are compiled then


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
    return ast.unparse(ast.fix_missing_locations(whole)), f"line {line}: {kind} {words} in {_line(tree, line)}"


def _line(tree: ast.Module, line: int) -> str:
    """The innermost statement's first line, by which a change is found again when lines have moved."""
    over = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= line <= node.end_lineno]  # type: ignore[operator]
    if not over:
        return "a decorator"
    innermost = min(over, key=lambda node: node.end_lineno - node.lineno)  # type: ignore[operator]
    return f"`{ast.unparse(innermost).splitlines()[0][:100]}`"


def survives(place: Path, module: Path, source: str, tests: list[str], seconds: int = _SECONDS) -> bool | None:
    """Whether all tests pass with this source, in a process of its own; None where time was up."""
    (place / module).write_text(source, encoding="utf-8")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(seconds)
            with (place / "said.txt").open("w") as said:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
            import pytest

            sys.path.insert(0, str(place))
            os.chdir(place)
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--assert=plain", *tests])
        finally:
            sys.stdout.flush()  # a process that ends at once says nothing else
            os._exit(int(code))
    status = os.waitpid(child, 0)[1]
    return None if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM else status == 0


def measured(module: Path, tests: list[str], most: int, seed: int, before: dict[str, object]) -> dict[str, object]:
    """Run the tests on a module's mutants, print the survivors, and return the account.

    With an account of `before`, only its survivors are run, and the account is brought up to date.
    """
    root, source = Path.cwd(), module.read_text(encoding="utf-8")
    tree = ast.parse(source)
    count = sum(1 for _ in places(tree))
    if before:
        known = {what.partition(": ")[2] for what in before["survivors"]}  # type: ignore[attr-defined]
        chosen = [number for number in range(count) if mutated(tree, number)[1].partition(": ")[2] in known]
        most = int(str(before["mutants"]))
    else:
        chosen = sorted(random.Random(seed).sample(range(count), min(count, most)))
        most = len(chosen)
    left: list[str] = []
    slow = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("dfecs_lib", "tests", "benchmarks", "pyproject.toml", "data_manifest.yaml", "notebooks"):
            (shutil.copytree if (root / name).is_dir() else shutil.copy)(root / name, place / name)
        for cache in place.rglob("*.pyc"):  # compiled kernels may stay, they go by the time of their source
            cache.unlink()
        compileall.compile_dir(place / "dfecs_lib", quiet=1)
        if not survives(place, module, source, tests, _FIRST):
            raise SystemExit(f"the tests fail on {module} as it is: {(place / 'said.txt').read_text()[-800:]}")
        for number in chosen:
            text, what = mutated(tree, number)
            survived = survives(place, module, text, tests)
            slow += survived is None
            if survived:
                left.append(what)
                print(f"  {what}", flush=True)
    if before:  # places with the same words are told apart by their number only: no more of them than there were
        earlier = Counter(what.partition(": ")[2] for what in before["survivors"])  # type: ignore[attr-defined]
        seen: Counter[str] = Counter()
        kept = []
        for what in left:
            words = what.partition(": ")[2]
            seen[words] += 1
            kept += [what] if seen[words] <= earlier[words] else []
        left = kept
    slow += int(str(before.get("out_of_time", 0)))
    killed = most - len(left) - slow
    print(f"{module}: {killed} of {most} mutants killed, {slow} out of time ({count} possible)", flush=True)
    account = {"mutants": most, "possible": count, "killed": killed, "out_of_time": slow, "seed": seed}
    return {**account, "survivors": left}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as metrics or coding/paths (default: all)")
    parser.add_argument("--most", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=35.0, help="no further module is begun after these")
    parser.add_argument("--again", action="store_true", help="only what survived the last time")
    given = parser.parse_args()
    import hypothesis.extra.numpy
    import pytest

    from dfecs_lib import simulate, workflow  # and all that they need: loaded once, not in every child

    del hypothesis, pytest, simulate, workflow
    for name in [name for name in sys.modules if name.partition(".")[0] == "dfecs_lib"]:
        del sys.modules[name]
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ.setdefault("DFECS_SAMPLES", str(Path.cwd().parent / "shared" / "data"))  # tests go by where they lie
    sys.dont_write_bytecode = True
    before = sorted(FOLDER.glob("mutation-*.json"))[-1:]
    modules = json.loads(before[0].read_text(encoding="utf-8"))["modules"] if before else {}
    began = time.monotonic()
    for name in given.modules or (modules if given.again else TESTS):
        if time.monotonic() - began > 60 * given.minutes:
            print(f"{name}: not run, time is up")
            continue
        module = Path("dfecs_lib") / f"{name}.py"
        tests = [module.as_posix(), *(f"tests/{file}" for file in TESTS[name])]
        modules[name] = measured(module, tests, given.most, given.seed, modules[name] if given.again else {})
        written = write("mutation", {"modules": modules})
    print(written)


if __name__ == "__main__":
    main()
