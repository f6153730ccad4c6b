#!/bin/sh
# What the doctor asks, asked with curl, one request after the other. `cargo bench --bench network`
# runs it; with other values it is what somebody without the doctor would type.
#
# ISSUER, CLOUD: URLs without a slash at the end. CA: trust roots, PEM. ORGANIZATION. TOKEN: the
# OIDC token. ACCESS_TOKEN: an access token that may read the organization's issuers.
set -eu

ask() { curl --fail --silent --show-error --cacert "$CA" "$@"; }
# A secret stands in no command line, where others on this machine could read it.
ask_with() { printf 'Authorization: token %s' "$1" | ask --header @- "$2"; }
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

keys=$(ask "$ISSUER/.well-known/openid-configuration" | member jwks_uri)
ask "$keys"

ask "$CLOUD/api/capabilities"
access_token=$(printf %s "$TOKEN" | ask "$CLOUD/api/oauth/token" \
  --data-urlencode "audience=urn:pulumi:org:$ORGANIZATION" \
  --data-urlencode grant_type=urn:ietf:params:oauth:grant-type:token-exchange \
  --data-urlencode subject_token_type=urn:ietf:params:oauth:token-type:id_token \
  --data-urlencode requested_token_type=urn:pulumi:token-type:access_token:organization \
  --data-urlencode scope= --data-urlencode expiration=7200 \
  --data-urlencode subject_token@- | member access_token)
ask_with "$access_token" "$CLOUD/api/user"

issuers="$CLOUD/api/orgs/$ORGANIZATION"
id=$(ask_with "$ACCESS_TOKEN" "$issuers/oidc/issuers" | member id)
ask_with "$ACCESS_TOKEN" "$issuers/auth/policies/oidcissuers/$id"
