"""Parses PowerShell files; names the first line of each that is no PowerShell."""
import pathlib
import sys

import tree_sitter
import tree_sitter_powershell

parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))


def first_error(node):
    if node.type == "ERROR" or node.is_missing:
        return node
    return next(filter(None, map(first_error, node.children)), None)


failed = False
for path in sys.argv[1:]:
    source = pathlib.Path(path).read_bytes()
    error = first_error(parser.parse(source).root_node)
    if error is not None or not source.strip():
        line = error.start_point[0] + 1 if error is not None else 1
        print(f"{path}:{line}: no PowerShell: {source.splitlines()[line - 1:line]}")
        failed = True
sys.exit(failed)
