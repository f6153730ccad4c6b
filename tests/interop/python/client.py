"""Asks a Pulumi Cloud with Pulumi's own client of its REST API, and holds each answer to that
client's models.

Arguments: the URL, an organization, what to do. The access token is in PULUMI_ACCESS_TOKEN.
  read              what the organization has registered, and whose the access token is
  update ID         sets the policy ID to the entries that standard input holds, in JSON
  exchange          exchanges the token that the fields on standard input hold, in JSON
What comes out is one object: the answers by the name of the operation, and under "disagreements"
what in them is not as the models say.
"""

import json
import os
import sys
from typing import Any

from pulumi_cloud_sdk import ApiClient, Configuration, models
from pulumi_cloud_sdk.apis.miscellaneous_api_ import MiscellaneousApi
from pulumi_cloud_sdk.apis.organizations_api_ import OrganizationsApi
from pulumi_cloud_sdk.apis.users_api_ import UsersApi

JSON_TYPES = {"str": str, "int": int, "bool": bool}


def disagreements(value: Any, type_name: str, place: str):
    """What in a decoded answer is not as the model of this name says. The client itself is more
    lenient: it passes over keys that it does not know and converts between types."""
    if type_name == "Any":
        return
    if type_name.startswith("list["):
        if not isinstance(value, list):
            yield f"{place}: {value!r} is no list"
            return
        for index, item in enumerate(value):
            yield from disagreements(item, type_name[5:-1], f"{place}[{index}]")
    elif type_name.startswith("dict["):
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no object"
    elif expected := JSON_TYPES.get(type_name):
        if type(value) is not expected:
            yield f"{place}: {value!r} is no {type_name}"
    elif fields := getattr(model := getattr(models, type_name), "__swagger_types__", None):
        keys = model.__attribute_map__
        for key in value.keys() - keys.values():
            yield f"{place}.{key} is not in {type_name}"
        # What may be left out has a default in the constructor.
        code = model.__init__.__code__
        optional = len(model.__init__.__defaults__ or ())
        required = code.co_varnames[1 : code.co_argcount - optional]
        for field, key in keys.items():
            if key in value:
                yield from disagreements(value[key], fields[field], f"{place}.{key}")
            elif field in required:
                yield f"{place}.{key} is missing"
    elif value not in [member.value for member in model]:
        yield f"{place}: {value!r} is no {type_name}"


class Client:
    def __init__(self, url: str):
        configuration = Configuration()
        configuration.host = url
        configuration.access_token = os.environ.get("PULUMI_ACCESS_TOKEN")
        self.api = ApiClient(configuration)
        self.organizations = OrganizationsApi(self.api)
        self.miscellaneous = MiscellaneousApi(self.api)
        self.users = UsersApi(self.api)
        self.report: dict[str, Any] = {"disagreements": []}

    def call(self, operation: Any, *arguments: Any) -> Any:
        answer = operation(*arguments)
        raw = json.loads(self.api.last_response)
        name = operation.__name__
        self.report[name] = raw
        self.report["disagreements"] += disagreements(raw, type(answer).__name__, name)
        return answer

    def read(self, organization: str):
        self.call(self.miscellaneous.capabilities)
        self.call(self.miscellaneous.version)
        user = self.call(self.users.get_current_user)
        self.report["login"] = user.github_login
        issuers = self.call(self.organizations.list_orgs_oidc_issuers, organization)
        for issuer in issuers.oidc_issuers:
            self.call(self.organizations.get_oidc_issuer, organization, issuer.id)
            self.call(self.organizations.get_auth_policy, organization, issuer.id)

    def update(self, organization: str, policy: str):
        entries = [
            models.AuthPolicyDefinition(
                **{
                    field: entry[key]
                    for field, key in models.AuthPolicyDefinition.__attribute_map__.items()
                    if key in entry
                }
            )
            for entry in json.load(sys.stdin)
        ]
        request = models.AuthPolicyUpdateRequest(policies=entries)
        self.call(self.organizations.update_auth_policy, organization, policy, request)

    def exchange(self, _organization: str):
        grant = self.call(self.miscellaneous.token, json.load(sys.stdin))
        # As the client reads it: the next call has to be able to use it.
        self.api.configuration.access_token = grant.access_token
        self.report["token"]["access_token"] = "(not shown)"
        self.report["login"] = self.call(self.users.get_current_user).github_login


if __name__ == "__main__":
    url, organization, command, *arguments = sys.argv[1:]
    client = Client(url)
    getattr(client, command)(organization, *arguments)
    print(json.dumps(client.report))
