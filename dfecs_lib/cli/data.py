"""``dfecs data``: what the manifest knows, what is on this machine, and fetching what is open."""

from __future__ import annotations

import click

from dfecs_lib.cli.common import example, json_text, progress_option, show_progress, table_text

__all__ = ["data"]

_manifest = click.option("--manifest", metavar="FILE", help="Another manifest (default: data_manifest.yaml).")


@click.group(no_args_is_help=False, epilog=example("dfecs data list"))
def data() -> None:
    """List, check and fetch datasets (data_manifest.yaml); list trained units."""


@data.command("list", epilog=example("dfecs data list"))
@click.option("--json", "as_json", is_flag=True, help="As JSON, with paths and licences.")
@_manifest
def list_datasets(as_json: bool, manifest: str | None) -> None:
    """Show every dataset and its state on this machine."""
    from dfecs_lib.data.checking import listing
    from dfecs_lib.data.manifest import load_manifest

    table = listing(load_manifest(manifest))
    if as_json:
        print(json_text(table))
    else:
        print(table_text(table[["name", "state", "kind", "scheme", "title"]]))


@data.command("check", epilog=example("dfecs data check clips"))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_manifest
def check_datasets(names: tuple[str, ...], manifest: str | None) -> int:
    """Count subjects, recordings and frames, and say what is missing.

    Without a NAME: of all datasets that are on this machine.
    """
    from dfecs_lib.data.checking import check
    from dfecs_lib.data.manifest import State, load_manifest, state

    known = load_manifest(manifest)
    present = [n for n, entry in known.items() if state(entry) in (State.READY, State.INCOMPLETE)]
    entries = [known[name] for name in names or present]
    if not entries:
        print("No dataset is on this machine yet; 'dfecs data list' says what there is.")
    reports = [check(entry) for entry in entries]
    for report in reports:
        print(report)
    return 0 if all(report.ok for report in reports) else 1


@data.command("fetch", epilog=example("dfecs data fetch clips"))
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@progress_option
@_manifest
def fetch_datasets(names: tuple[str, ...], progress: bool | None, manifest: str | None) -> None:
    """Download open datasets, verify and unpack them."""
    from dfecs_lib.data.fetching import fetch
    from dfecs_lib.data.manifest import load_manifest

    known = load_manifest(manifest)
    entries = [known[name] for name in names]  # an unknown name stops before any download
    for entry in entries:
        print(f"{entry.name}: {fetch(entry, progress=show_progress(progress))}")


@data.command("units", epilog=example("dfecs data units"))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_units(as_json: bool) -> None:
    """Show the trained units that a name finds, as in 'dfecs encode --units NAME'.

    They are the model files in the folder $DFECS_UNITS; without it, those in units/ here and in the books built in
    _site. The card beside each file (.md) says what it learned from.
    """
    import pandas as pd

    from dfecs_lib.ffm import load_model
    from dfecs_lib.models.named import known_units, units_folders

    rows = []
    for name, path in known_units().items():
        model = load_model(path)
        training = model.metadata_.get("training")
        known = training if isinstance(training, dict) else {}
        about = {key: known.get(key) for key in ("subjects", "frames")}
        rows.append({"name": name, "units": len(model.components_), **about, "file": str(path)})
    if as_json:
        print(json_text(pd.DataFrame(rows)))
    elif rows:
        print(table_text(pd.DataFrame(rows)))
    else:
        print(f"No units are in {', '.join(map(str, units_folders()))}; 'dfecs book' or 'dfecs train' makes some.")
