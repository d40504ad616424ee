"""`rewardmark bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["bench"]


def bench(
    out: Annotated[
        Path, typer.Option(metavar="RUNS", help="Folder of runs; the figures go into its bench/, for the board.")
    ] = Path("runs"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Three rounds a case; no growth with size, no start of processes.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Only cases whose names have these, as pytest -k reads them.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="BASELINE", help="Fail (exit 1) where a ratio has fallen under this file's.")
    ] = None,
    save_baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the ratios as a baseline for --compare; one that is there is widened."
        ),
    ] = None,
) -> None:
    """Measure rewards, evaluators and sampling beside their peers, as ratios, with memory and growth.

    Needs the extra `bench`: pip install 'rewardmark[bench]'. Peers that are not installed are left out. A ratio has
    fallen when it is below baseline x (1 - 3 x noise), noise being the larger relative spread of the two measurements
    (between 4% and 20%).
    """
    import json

    from rewardmark.leaderboard.bench import FILE, baseline_of, judge, markdown, measure, write_page
    from rewardmark.leaderboard.bench.baseline import read_baseline, widened

    baseline = read_baseline(compare) if compare else None  # before minutes of measuring
    found = measure(quick, only)
    file = out / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    page = write_page(found, file.parent, board=False)
    (file.parent / "README.md").write_text(markdown(found), encoding="utf-8")
    for case in found["cases"]:
        for peer, ratio in case["ratios"].items():
            typer.echo(f"{case['group']}/{case['name']}: {ratio['ratio']:.3g} x {peer}")
        for what, growth in case["slopes"].items():
            typer.echo(f"{case['group']}/{case['name']}: grows with {what} by the power {growth['slope']:.2f}")
    typer.echo(f"{file}: {len(found['cases'])} cases; the page: {page}; as text: {page.with_name('README.md')}")
    if save_baseline:
        kept = baseline_of(found)
        if save_baseline.exists():
            kept = widened(read_baseline(save_baseline), kept)
        save_baseline.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    if baseline is None:
        return
    findings = judge(found, baseline, missing=not (quick or only))
    for finding in findings:
        if finding.state == "fallen":
            told = f"{finding.measured:.3g}, below {finding.floor:.3g} (baseline {finding.baseline:.3g})"
            typer.echo(f"FALLEN {finding.case} beside {finding.peer}: {told}", err=True)
        elif finding.state == "missing":
            typer.echo(f"MISSING {finding.case} beside {finding.peer}: not measured; is the peer installed?", err=True)
    bad = sum(finding.state != "held" for finding in findings)
    typer.echo(f"{len(findings) - bad} of {len(findings)} ratios hold beside {compare}")
    if bad:
        raise typer.Exit(1)
