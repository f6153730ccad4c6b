//! Messages of other systems' logins, which users mistake for Pulumi's. Sources: Microsoft's
//! troubleshoot-workload-identity and error code reference, AWS's configure-aws-credentials and
//! STS, hashicorp/vault-plugin-auth-jwt, google-github-actions/auth, PyPI, octo-sts,
//! sigstore/cosign, jfrog/setup-jfrog-cli, jfrog-cli, microsoft/azure-pipelines-tasks AzureCLIV3.

use super::Message;

const AZURE: &str = "Azure";
const AWS: &str = "AWS";
const VAULT: &str = "HashiCorp Vault";
const GOOGLE: &str = "Google Cloud";

pub(super) const MESSAGES: &[Message] = &[
    // ----------------------------------------------------------------------------- Azure
    Message::other(
        "AADSTS70021: ",
        AZURE,
        "No federated credential of the application matches the token's issuer, subject and audience.",
    ),
    Message::other(
        "AADSTS700211: ",
        AZURE,
        "No federated credential of the application has the token's issuer.",
    ),
    Message::other(
        "AADSTS700212: ",
        AZURE,
        "No federated credential of the application has the token's audience.",
    ),
    Message::other(
        "AADSTS700213: ",
        AZURE,
        "No federated credential of the application has the token's subject.",
    ),
    Message::other(
        "AADSTS700016: ",
        AZURE,
        "The application is not in that tenant: the client id or the tenant id is wrong.",
    ),
    Message::other(
        "AADSTS700024: ",
        AZURE,
        "The token was outside its valid time when Azure was asked: it is older than its life of some minutes.",
    ),
    Message::other(
        "AADSTS700223: ",
        AZURE,
        "The tenant does not allow workload identity federation for this application.",
    ),
    Message::other(
        "AADSTS700238: ",
        AZURE,
        "The tenant's policy does not allow federation with this issuer.",
    ),
    Message::other(
        "AADSTS7002381: ",
        AZURE,
        "The tenant wants an enterprise claim in GitHub's token that it does not have.",
    ),
    Message::other("AADSTS70025: ", AZURE, "The application has no federated credential at all."),
    Message::other(
        "AADSTS70052: ",
        AZURE,
        "The Entra issuer does not work with a multitenant application.",
    ),
    Message::other("AADSTS7000215: ", AZURE, "The client secret is wrong."),
    Message::other("AADSTS7000222: ", AZURE, "The client secret has expired."),
    Message::other("AADSTS90002: ", AZURE, "There is no such tenant."),
    Message::other("AADSTS50166: ", AZURE, "Azure could not fetch the issuer's keys."),
    Message::other("AADSTS90061: ", AZURE, "Azure could not fetch the issuer's keys."),
    Message::other("AADSTS{number}: ", AZURE, "Azure's own login failed with error {number}."),
    // SDKs and operators print the same texts without their number.
    Message::other(
        "No matching federated identity record found for presented assertion {what} '{value}'",
        AZURE,
        "No federated credential of the application has the token's {what} {value}.",
    ),
    Message::other(
        "No matching federated identity record found for presented assertion",
        AZURE,
        "No federated credential of the application matches the token.",
    ),
    Message::other(
        "Application with identifier '{application}' was not found in the directory",
        AZURE,
        "The application {application} is not in that tenant: the client id or the tenant id is wrong.",
    ),
    Message::other(
        "Client assertion is not within its valid time range",
        AZURE,
        "The token was outside its valid time when Azure was asked.",
    ),
    Message::other(
        "has no configured federated identity credentials",
        AZURE,
        "The application has no federated credential at all.",
    )
    .anywhere(),
    Message::other("Invalid client secret provided", AZURE, "The client secret is wrong."),
    Message::other(
        "The provided client secret keys for app '{application}' are expired",
        AZURE,
        "The client secret of {application} has expired.",
    ),
    Message::other(
        "Request to External OIDC endpoint failed",
        AZURE,
        "Azure could not fetch the issuer's keys.",
    ),
    Message::other(
        "Error in setting up subscription",
        AZURE,
        "The task could not select the subscription. A connection without a subscription needs \
         allowNoSubscriptions: true, which AzureCLI@3 has.",
    ),
    Message::other(
        "Failed to setup Azure DevOps CLI: {problem}",
        AZURE,
        "The task could not prepare Azure DevOps' command line: {problem}.",
    ),
    Message::other(
        "Failed to login/install Azure DevOps CLI",
        AZURE,
        "The task could not log in to Azure DevOps or install its command line.",
    ),
    Message::other(
        "The subscription of '{subscription}' doesn't exist in cloud",
        AZURE,
        "The service connection's identity has no role in the subscription {subscription}, so the task stops before its script runs.",
    ),
    Message::other(
        "No subscriptions found for {identity}",
        AZURE,
        "The identity has no role in any subscription, and `az login` stops there.",
    ),
    Message::other(
        "Failed to obtain the JSON Web Token (JWT) using service principal client ID",
        AZURE,
        "The service connection could not sign in to Azure.",
    ),
    Message::other(
        "Secret expired, update service connection at",
        AZURE,
        "The secret of the service connection has expired. A federated connection has none, and only that one has a token for Pulumi Cloud.",
    ),
    Message::other(
        "HTTPSConnectionPool(host='login.microsoftonline.com', port=443): {problem}",
        AZURE,
        "Azure's command line could not reach Microsoft Entra: {problem}.",
    ),
    // ------------------------------------------------------------------------------- AWS
    Message::other(
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        AWS,
        "The role's trust policy does not let this token in: its sub or aud is not what the policy wants.",
    ),
    Message::other(
        "No OpenIDConnect provider found in your account for {issuer}",
        AWS,
        "The AWS account has no OIDC provider for {issuer}.",
    ),
    Message::other(
        "Incorrect token audience",
        AWS,
        "The audience is not in the client ids of the AWS account's OIDC provider.",
    ),
    Message::other(
        "Couldn't retrieve verification key from your identity provider",
        AWS,
        "AWS could not fetch the issuer's keys.",
    ),
    Message::other(
        "Token expired: current date/time {now} must be before the expiration date/time",
        AWS,
        "The token had expired when AWS was asked.",
    ),
    Message::other(
        "Could not assume role with OIDC: {problem}",
        AWS,
        "AWS did not let the job assume the role: {problem}.",
    ),
    Message::other(
        "An error occurred ({}) when calling the AssumeRoleWithWebIdentity operation: {problem}",
        AWS,
        "AWS did not let the job assume the role: {problem}.",
    ),
    // ----------------------------------------------------------------------------- Vault
    Message::other(
        "invalid audience (aud) claim",
        VAULT,
        "The token's audience is not one of the role's bound_audiences.",
    ),
    Message::other(
        "invalid subject (sub) claim",
        VAULT,
        "The token's subject is not the role's bound_subject.",
    ),
    Message::other(
        "invalid issuer (iss) claim",
        VAULT,
        "The token's issuer is not the one that the auth method is bound to.",
    ),
    Message::other(
        "claim \"{claim}\" does not match any associated bound claim values",
        VAULT,
        "The token's {claim} is not among the role's bound_claims.",
    ),
    Message::other(
        "audience claim found in JWT but no audiences bound to the role",
        VAULT,
        "The role has no bound_audiences, and the token has an audience.",
    ),
    Message::other(
        "* error validating token: {problem}",
        VAULT,
        "Vault does not accept the token: {problem}.",
    ),
    Message::other("Failed to retrieve vault token", VAULT, "Vault did not let the job log in."),
    // ---------------------------------------------------------------------------- Google
    Message::other(
        "failed to generate Google Cloud federated token for {pool}",
        GOOGLE,
        "Google did not accept the token for {pool}.",
    ),
    Message::other(
        "The given credential is rejected by the attribute condition",
        GOOGLE,
        "The pool's attribute condition does not let this token in.",
    ),
    Message::other(
        "google-github-actions/auth failed with: {problem}",
        GOOGLE,
        "Google's login failed: {problem}.",
    ),
    // ---------------------------------------------------------------------------- others
    Message::other(
        "valid token, but no corresponding publisher",
        "PyPI",
        "PyPI knows no trusted publisher for this token.",
    ),
    Message::other("Trusted publishing exchange failure", "PyPI", "PyPI did not accept the token."),
    Message::other(
        "trust policy: {what} did not match {rule}",
        "octo-sts",
        "The trust policy does not let this token in: {what} is not {rule}.",
    ),
    Message::other(
        "npm error code ENEEDAUTH",
        "npm",
        "npm has no credentials for its registry, also none by trusted publishing.",
    ),
    Message::other(
        "npm ERR! code ENEEDAUTH",
        "npm",
        "npm has no credentials for its registry, also none by trusted publishing.",
    ),
    Message::other(
        "no providers are enabled, check providers.Enabled()",
        "Sigstore",
        "cosign found no token of the job.",
    ),
    Message::other(
        "Exchanging JSON web token with an access token failed: {problem}",
        "JFrog",
        "JFrog did not accept the job's token: {problem}.",
    ),
    Message::other(
        "[Error] failed to exchange OIDC token: {problem}",
        "JFrog",
        "JFrog did not accept the job's token: {problem}.",
    ),
    Message::other(
        "unable to find trust policy for",
        "octo-sts",
        "octo-sts found no trust policy of that name.",
    ),
    Message::other(
        "You must be logged in to the server (Unauthorized)",
        "Kubernetes",
        "The cluster's API does not accept the credentials.",
    ),
];
