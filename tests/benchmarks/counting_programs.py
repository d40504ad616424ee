"""Questions and programs for the benchmarks of text: four examples, about 250 tokens, in front of eight questions."""

from __future__ import annotations

__all__ = ["EXAMPLES", "PREFIX", "QUERIES"]

NOUNS = ("ball", "box", "kite", "star", "tree", "house", "boat", "fish")
PROGRAM = """def execute_command(image):
    image_patch = ImagePatch(image)
    {0}_patches = image_patch.find('{0}')
    {0}_patches = [p for p in {0}_patches if p.verify_property('{0}', 'red')]
    return str(len({0}_patches))"""
QUERIES = [f"# How many red {noun}s are there?\ndef execute_command(image):" for noun in NOUNS]
EXAMPLES = [f"# How many red {noun}s are there?\n{PROGRAM.format(noun)}" for noun in NOUNS]
PREFIX = "\n\n".join([*EXAMPLES[:4], ""])
