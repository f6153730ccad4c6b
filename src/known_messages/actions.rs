//! Messages of the actions, tasks and plugins that log in to Pulumi Cloud for a job. Sources:
//! pulumi/auth-actions 2.1.0 src/main.ts with @pulumi/actions-helpers, pulumi/esc-action 3.1.0,
//! buildkite-plugins/pulumi-buildkite-plugin 1.0.0, pulumi/pulumi-az-pipelines-task 1.1.6,
//! microsoft/azure-pipelines-tasks AzureCLIV3, actions/runner (the runtime of an action).

use super::{Message, Scope};
use crate::catalogue::Code;

const INPUT_CODES: &[Code] = &[Code::ActionInputInvalid];
const USE_SECONDS: &str = "pulumi/esc-action takes oidc-token-expiration in seconds, such as 3600.";
const SET_TOKEN_TYPE: &str = "Set requested-token-type: \
    urn:pulumi:token-type:access_token:organization (or :team, :personal).";

pub(super) const MESSAGES: &[Message] = &[
    // -------------------------------------------------------------- pulumi/auth-actions
    Message::code(
        "Input required and not supplied: requested-token-type",
        INPUT_CODES,
        "pulumi/auth-actions needs the input requested-token-type, although its description does \
         not say so.",
    )
    .fix(SET_TOKEN_TYPE),
    Message::code(
        "Input required and not supplied: organization",
        &[Code::OrganizationMissing],
        "pulumi/auth-actions was given no organization.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "Invalid input params",
        INPUT_CODES,
        "pulumi/auth-actions does not accept its inputs. It needs organization and \
         requested-token-type.",
    )
    .scope(Scope::PulumiLogin)
    .fix(SET_TOKEN_TYPE),
    Message::code(
        "Input does not meet YAML 1.2 \"Core Schema\" specification: export-environment-variables",
        INPUT_CODES,
        "The input export-environment-variables of pulumi/auth-actions is not a boolean.",
    )
    .fix("Set export-environment-variables to true or false, or leave it out."),
    Message::code(
        "Invalid URL",
        &[Code::BackendSchemeMissing, Code::ActionInputInvalid],
        "The input cloud-url of pulumi/auth-actions is not a URL. Most likely it has no scheme.",
    )
    .scope(Scope::PulumiLogin)
    .fix("Begin cloud-url with https://."),
    Message::code(
        "require is not defined in ES module scope",
        INPUT_CODES,
        "pulumi/auth-actions v2.0.0 is broken: it stops before it does anything.",
    )
    .scope(Scope::PulumiLogin)
    .fix("Use pulumi/auth-actions@v2.1.0 or newer."),
    Message::code(
        "'using: node24' is not supported",
        INPUT_CODES,
        "The runner is too old for this release of an action, which needs Node 24. pulumi/auth-actions \
         needs it from v2 on, pulumi/actions from v7 on.",
    )
    .scope(Scope::PulumiLogin)
    .anywhere()
    .fix("Update the self-hosted runner, or use pulumi/auth-actions@v1."),
    // ---------------------------------------------------------------- pulumi/esc-action
    Message::code(
        "Input or environment variable required and not supplied: oidc-organization",
        &[Code::OrganizationMissing],
        "pulumi/esc-action was given no organization.",
    )
    .fix("Set the input oidc-organization, or ESC_ACTION_OIDC_ORGANIZATION."),
    Message::code(
        "Input or environment variable required and not supplied: oidc-requested-token-type",
        INPUT_CODES,
        "pulumi/esc-action needs the input oidc-requested-token-type if oidc-auth is true.",
    )
    .fix(
        "Set oidc-requested-token-type: urn:pulumi:token-type:access_token:organization (or :team, \
         :personal).",
    ),
    Message::code(
        "Invalid OIDC configuration",
        INPUT_CODES,
        "pulumi/esc-action does not accept its oidc- inputs.",
    )
    .scope(Scope::PulumiLogin)
    .fix("Set oidc-organization and oidc-requested-token-type beside oidc-auth: true."),
    Message::code(
        "Input was not a number",
        &[Code::ExpirationInvalid],
        "The expiration is not a number of seconds.",
    )
    .scope(Scope::PulumiLogin)
    .fix(USE_SECONDS),
    Message::code(
        "Value does not meet YAML 1.2 \"Core Schema\" specification",
        INPUT_CODES,
        "An input of pulumi/esc-action that is true or false has another value.",
    )
    .scope(Scope::PulumiLogin)
    .fix("Set the input to true or false."),
    // ------------------------------------------------------------- the Buildkite plugin
    Message::code(
        "audience is required when using OIDC auth method with Pulumi Cloud",
        INPUT_CODES,
        "The Buildkite plugin needs the property audience.",
    )
    .anywhere()
    .fix("Set audience: urn:pulumi:org:ORG in the plugin's properties."),
    Message::code(
        "pulumi-token-type and pulumi-token-scope are required when using OIDC auth method",
        INPUT_CODES,
        "The Buildkite plugin needs the properties pulumi-token-type and pulumi-token-scope. The \
         example in its documentation lacks them.",
    )
    .anywhere()
    .fix(
        "Set pulumi-token-type: urn:pulumi:token-type:access_token:organization and \
         pulumi-token-scope in the plugin's properties.",
    ),
    Message::code(
        "Error acquiring Pulumi access token using OIDC token exchange method",
        &[Code::ExchangeRejected],
        "Pulumi Cloud refused the exchange. The Buildkite plugin hides the answer.",
    )
    .anywhere(),
    // ------------------------------------------------------------- Pulumi's Azure task
    Message::code(
        "Couldn't determine which login method to use",
        &[Code::TokenMissing],
        "The Pulumi task found neither PULUMI_ACCESS_TOKEN nor login arguments.",
    )
    .fix(
        "Give the task its loginArgs (they are split at single spaces), or log in with AzureCLI@2 \
         before it.",
    ),
    Message::code(
        "Pulumi CLI does not seem to be installed in your environment",
        &[Code::CliNotFound],
        "The Pulumi task found no pulumi.",
    ),
    Message::code(
        "Pulumi installation failed with error '{problem}'",
        &[Code::CliNotFound],
        "The Pulumi task could not download pulumi: {problem}.",
    )
    .fix("Let the agent reach get.pulumi.com, through its proxy if it has one, or install pulumi in the image."),
    // -------------------------------------------------------------------- AzureCLI@3
    Message::code(
        "The authentication scheme '{scheme}' is not supported for Azure DevOps service connections",
        &[Code::AdoConnectionNotFederated],
        "The service connection has the scheme {scheme}, which has no token for Pulumi Cloud.",
    ),
    Message::code(
        "The authentication scheme '{scheme}' is not supported for Azure Resource Manager \
         connections",
        &[Code::AdoConnectionNotFederated],
        "The service connection has the scheme {scheme}, which has no token for Pulumi Cloud.",
    ),
];
