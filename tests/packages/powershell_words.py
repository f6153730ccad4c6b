"""Holds a login that the doctor prints for PowerShell to the words that it is meant to have.

A name that PowerShell cannot pass on unchanged has no command.
"""
import base64
import json
import subprocess
import sys
import tempfile

import tree_sitter
import tree_sitter_powershell

parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
PASSED = ["acme", "a b", "$(touch pwned)", "`id`", "a;id", "a|b", "a,b", "@a", "--help", "a\\b", "{a}", "%a%", "&a"]
LEFT_OUT = ["it's", '"quoted"', "a\\ b\\", "\u2019a\u2019", "a\nb"]


def token():
    claims = {"iss": "https://token.actions.githubusercontent.com", "sub": "s", "aud": "a", "exp": 4000000000}
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "A" * 342])


def commands(doctor, name):
    """The logins that the report names for an empty token in Azure Pipelines: PowerShell's, then bash's."""
    with tempfile.TemporaryDirectory() as home:
        run = subprocess.run(
            [doctor, "login", "https://pulumi.acme.test", "--oidc-token", "", "--oidc-org", name]
            + ["--offline", "--shell", "pwsh", "--format", "json"],
            env={"PATH": "", "HOME": home, "TF_BUILD": "True", "idToken": token()},
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
    report = json.loads(run.stdout)
    assert report["rootCause"] == "token-empty", report["rootCause"]
    return [one for one in report["findings"][0]["remediation"]["commands"] if "$env:idToken" in one]


def words(command):
    """The words of the only command of a line, literal strings without their quotation marks."""
    line = command.encode()
    root = parser.parse(line).root_node
    assert not root.has_error, f"no PowerShell: {command}"
    found = []

    def walk(node):
        if node.type == "command":
            found.append(node)
        for child in node.children:
            walk(child)

    walk(root)
    assert len(found) == 1, f"{len(found)} commands: {command}"
    texts = []
    for part in found[0].children:
        for word in part.children if part.type == "command_elements" else [part]:
            text = line[word.start_byte : word.end_byte].decode()
            if word.type != "command_argument_sep" and text.strip():
                texts.append(text[1:-1] if text.startswith("'") else text)
    return texts


for name in PASSED:
    (command,) = commands(sys.argv[1], name)
    expected = ["pulumi", "login", "https://pulumi.acme.test", "--oidc-token", '"$env:idToken"', "--oidc-org", name]
    assert words(command) == expected, f"{words(command)}: {command}"
for name in LEFT_OUT:
    assert commands(sys.argv[1], name) == [], name
print(f"ok: PowerShell reads {len(PASSED)} names as one word each; {len(LEFT_OUT)} are left out")
