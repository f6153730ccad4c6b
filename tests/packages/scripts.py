"""Prints the scripts in a YAML file of a CI platform (- is standard input), one after the other.

With a language (bash or pwsh), only those for that shell.
"""
import pathlib
import sys

import ruamel.yaml

# The keys that hold scripts: of Azure Pipelines, GitHub Actions and CircleCI, and GitLab CI.
KEYS = {"inlineScript", "run", "command", "script", "after_script", "bash", "pwsh"}
POWERSHELL = {"pscore", "ps", "pwsh", "powershell"}


def scripts(node):
    if isinstance(node, list):
        for item in node:
            yield from scripts(item)
    if not isinstance(node, dict):
        return
    shell = node.get("scriptType") or node.get("shell") or ("pwsh" if "pwsh" in node else "bash")
    for key, value in node.items():
        for text in value if isinstance(value, list) else [value]:
            if key in KEYS and isinstance(text, str):
                yield ("pwsh" if shell in POWERSHELL else "bash"), text
        yield from scripts(value)


def main(path, language=None):
    text = sys.stdin.read() if path == "-" else pathlib.Path(path).read_text()
    for document in ruamel.yaml.YAML(typ="safe").load_all(text):
        for found, script in scripts(document):
            if language in (None, found):
                print(script)


main(*sys.argv[1:])
