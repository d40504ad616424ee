"""The reference page of all rewards, written from their cards: `python -m rewardmark.rewards.reference`."""

from __future__ import annotations

from rewardmark.rewards.card import RewardCard
from rewardmark.rewards.registry import list_rewards

__all__ = ["reference_page"]


def reference_page() -> str:
    """Markdown: one table of all rewards, one of the mended ones with their twins and defects, one entry a reward.

    Only rewards of this package, so that the page does not depend on what else is installed.
    """
    from rewardmark.rewards import registry

    cards = list_rewards()
    own = {name for name, e in registry._snapshot().items() if e.function.__module__.startswith("rewardmark.rewards.")}
    cards = [card for card in cards if card.name in own]
    lines = [
        "# Rewards",
        "",
        "Written from the cards by `python -m rewardmark.rewards.reference`; a test keeps it up to date.",
        "",
        "| reward | status | range | gold metric | what it is |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| `{c.name}` | {c.status} | {_range(c)} | {c.gold or '-'} | {_cell(c.summary)} |" for c in cards]
    lines += ["", "## Published formulas with a defect, and their mended twins", ""]
    lines += ["| mended | as published | defect | source |", "|---|---|---|---|"]
    for card in cards:
        if card.defect is not None:
            lines.append(f"| `{card.twin}` | `{card.name}` | {_cell(card.defect)} | {_cell(_origin(card))} |")
    for card in cards:
        lines += ["", f"## {card.name}", "", card.summary, ""]
        lines.append(f"- {'Source' if card.source else 'After'}: {_origin(card)}")
        if card.parameters:
            lines.append("- Parameters: " + ", ".join(f"`{k}={v!r}`" for k, v in card.parameters.items()))
        if card.may_abstain:
            lines.append("- Abstains (NaN, unscored) where it has no meaning.")
        if card.gamed_by:
            lines.append("- Known ways to game it: " + "; ".join(card.gamed_by))
    return "\n".join(lines) + "\n"


def _origin(card: RewardCard) -> str:
    return card.source or card.after or "-"


def _range(card: RewardCard) -> str:
    low, high = card.bounds
    return f"{'-inf' if low is None else f'{low:g}'} .. {'inf' if high is None else f'{high:g}'}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    import sys

    # A page for people: the registry that was imported, not this module's second copy, writes it.
    from rewardmark.rewards import reference

    sys.stdout.write(reference.reference_page())
