"""Writes the templates as the platforms read them: with their parameters filled in.

    templates.py OUT

The schemas that check-jsonschema has know neither the template expressions of Azure Pipelines nor the
inputs of a GitLab component.
"""
import pathlib
import re
import sys

import ruamel.yaml

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "templates"
YAML = ruamel.yaml.YAML(typ="safe")
CONDITION = re.compile(r"\$\{\{ if eq\(parameters\.(\w+), '(\w+)'\) \}\}")


def filled(node, values):
    """An Azure template with these values of its parameters."""
    if isinstance(node, list):
        return [filled(item, values) for item in node]
    if isinstance(node, str):
        return re.sub(r"\$\{\{ parameters\.(\w+) \}\}", lambda match: values[match[1]], node)
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        condition = CONDITION.fullmatch(key)
        if condition is None:
            out[key] = filled(value, values)
        elif values[condition[1]] == condition[2]:
            out.update(filled(value, values))
    return out


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    azure = YAML.load(TEMPLATES / "azure/doctor.yml")
    values = {one["name"]: one.get("default", "example") for one in azure["parameters"]}
    for shell in next(one["values"] for one in azure["parameters"] if one["name"] == "shell"):
        YAML.dump(filled({"steps": azure["steps"]}, values | {"shell": shell}), out / f"azure-{shell}.yml")

    spec, component = YAML.load_all(TEMPLATES / "gitlab/doctor.yml")
    text = (TEMPLATES / "gitlab/doctor.yml").read_text().split("\n---\n", 1)[1]
    for name, definition in spec["spec"]["inputs"].items():
        value = definition.get("default", "example")
        if not re.search(definition["regex"], value):
            sys.exit(f"gitlab: {value!r} is no {name} by its regex")
        text = text.replace(f"$[[ inputs.{name} ]]", value or '""')
    if "$[[" in text:
        sys.exit("gitlab: an input has no definition")
    # The schema does not look into hidden jobs, and wants a script in the others.
    (out / "gitlab.yml").write_text(text.replace("\n.", "\n", 1).removeprefix(".") + "  script: [pulumi login]\n")


main(pathlib.Path(sys.argv[1]))
