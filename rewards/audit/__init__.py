"""The audit of a reward: how it can be gamed, and what it fails to pay. Pure: no data set, no model, no files."""

from __future__ import annotations
