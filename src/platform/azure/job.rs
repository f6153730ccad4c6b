//! Explains why a job of Azure Pipelines has no token, and what to change in the pipeline.

use serde::{Deserialize, Serialize};

use super::{CONNECTION, OIDC_REQUEST};
use crate::platform::{Cause, Explanation, Login, Refused, Remedy};

/// The facts that a job's variables show. Of secrets, only whether they are set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// `servicePrincipalKey` is set. AzureCLI sets it for a connection with a secret.
    pub has_client_secret: bool,
    /// An `AZURESUBSCRIPTION_*` variable is set. AzureCLI and AzurePowerShell set them for a
    /// federated connection.
    pub is_federated: bool,
    /// `SYSTEM_OIDCREQUESTURI` is set.
    pub has_request_uri: bool,
    /// `SYSTEM_ACCESSTOKEN`.
    pub system_token: SystemToken,
    /// The service connection's id.
    pub connection: Option<String>,
}

/// The state of `SYSTEM_ACCESSTOKEN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SystemToken {
    /// Not set, or empty.
    Missing,
    /// It holds an unexpanded reference: `$(System.AccessToken)`.
    Unexpanded,
    Set,
}

/// Reads the job's variables.
pub(crate) fn environment<'a>(
    variables: impl Fn(&str) -> Option<&'a str>,
    is_federated: bool,
) -> Environment {
    Environment {
        has_client_secret: variables("servicePrincipalKey").is_some(),
        is_federated,
        has_request_uri: variables(OIDC_REQUEST.url).is_some(),
        system_token: match variables(OIDC_REQUEST.credential) {
            None => SystemToken::Missing,
            Some(value) if is_unexpanded(value) => SystemToken::Unexpanded,
            Some(value) if value.trim().is_empty() => SystemToken::Missing,
            Some(_) => SystemToken::Set,
        },
        connection: first_id(CONNECTION, variables).map(str::to_owned),
    }
}

/// The prefix of a federated connection's variables.
pub(crate) const FEDERATED: &str = "AZURESUBSCRIPTION_";
/// The variable with the id of the task's connection.
pub(crate) const OWN_CONNECTION: &str = CONNECTION[0];
/// The variable with the organization's id.
pub(crate) const COLLECTION: &str = "SYSTEM_COLLECTIONID";

/// Whether a value is an unexpanded macro. Azure Pipelines leaves macros of unknown variables as
/// they are.
pub(crate) fn is_unexpanded(value: &str) -> bool {
    value.trim().starts_with(['$', '%'])
}

/// The first id among these variables. Skips unexpanded macros.
pub(crate) fn first_id<'a>(
    names: &[&str],
    variables: impl Fn(&str) -> Option<&'a str>,
) -> Option<&'a str> {
    names.iter().filter_map(|name| variables(name)).map(str::trim).find(|id| {
        !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    })
}

/// Explains why there is no token, if the variables show it.
pub(crate) fn explain(environment: &Environment, login: &Login) -> Option<Explanation> {
    let Environment { has_client_secret, is_federated, has_request_uri, system_token, connection } =
        environment;
    let connection = connection.as_deref();
    let can_ask = *has_request_uri && *system_token == SystemToken::Set;
    Some(if *has_client_secret {
        not_federated(login)
    } else if can_ask && connection.is_none() {
        without_connection()
    } else if *is_federated {
        not_exposed(connection, login)
    } else if *has_request_uri && !can_ask {
        unmapped(*system_token, connection)
    } else {
        return None;
    })
}

/// The task that logs in, with the token in its environment.
pub(crate) fn login_task(connection: Option<&str>, login: &Login) -> String {
    let id = connection.map_or_else(String::new, |id| format!("  # the one with the id {id}"));
    format!(
        "- task: AzureCLI@2\n  inputs:\n    azureSubscription: NAME_OF_THE_CONNECTION{id}\n    \
         scriptType: bash\n    scriptLocation: inlineScript\n    addSpnToEnvironment: true\n    \
         inlineScript: |\n      {}",
        login.command
    )
}

pub(crate) fn not_exposed(connection: Option<&str>, login: &Login) -> Explanation {
    let mut remedy = Remedy::default().proof("idToken", "(not set)", "environment").proof(
        "AZURESUBSCRIPTION_*",
        "(set)",
        "environment",
    );
    if let Some(id) = connection {
        remedy = remedy.proof("service connection", id, "environment");
    }
    Explanation::new(
        Cause::TokenNotExposed,
        "The task's service connection is federated (AZURESUBSCRIPTION_* is set), but idToken is \
         not set: the task did not hand the token to the script.",
        remedy
            .announce("Add addSpnToEnvironment: true to the task:")
            .command(login_task(connection, login))
            .step(
                "The name is idToken, with this spelling: on Linux $IDTOKEN and $idtoken are other \
                 variables, and $(idToken) is never replaced.",
            ),
    )
}

pub(crate) fn not_federated(login: &Login) -> Explanation {
    Explanation::new(
        Cause::ConnectionNotFederated,
        "servicePrincipalKey is set and idToken is not: the service connection signs in with a \
         secret, so there is no token to exchange.",
        Remedy::default()
            .proof("servicePrincipalKey", "(set)", "environment")
            .proof("idToken", "(not set)", "environment")
            .step(
                "In Azure DevOps, under Project settings, Service connections, open the \
                 connection and convert it to workload identity federation.",
            )
            .announce("The step that logs in stays as it is, with addSpnToEnvironment: true:")
            .command(login_task(None, login)),
    )
}

const MAPPING: &str = "  env:\n    SYSTEM_ACCESSTOKEN: $(System.AccessToken)";

pub(crate) fn unmapped(token: SystemToken, connection: Option<&str>) -> Explanation {
    let (detail, shown) = match token {
        SystemToken::Unexpanded => (
            "SYSTEM_ACCESSTOKEN holds the text of a variable reference: nothing replaced it.",
            "(a reference that was not replaced)",
        ),
        SystemToken::Missing | SystemToken::Set => (
            "SYSTEM_OIDCREQUESTURI is set, but SYSTEM_ACCESSTOKEN is not: the token cannot be \
             requested.",
            "(not set)",
        ),
    };
    let mut remedy = Remedy::default()
        .proof("SYSTEM_ACCESSTOKEN", shown, "environment")
        .proof("SYSTEM_OIDCREQUESTURI", "(set)", "environment")
        .announce("Add this to the step that requests the token, in exactly this spelling:")
        .command(MAPPING);
    if connection.is_none() {
        remedy = remedy.step(
            "The request also needs the service connection's id, in \
             AZURESUBSCRIPTION_SERVICE_CONNECTION_ID.",
        );
    }
    Explanation::new(Cause::SystemTokenUnmapped, detail, remedy)
}

fn without_connection() -> Explanation {
    Explanation::new(
        Cause::RequestFailed,
        "Azure Pipelines was not asked: no variable names the service connection that the token \
         is for.",
        Remedy::default()
            .fix("Put the service connection's id into the step's environment.")
            .proof(OWN_CONNECTION, "(not set)", "environment")
            .step(
                "The id is in the address of the connection's page (resourceId=…), under Project \
                 settings, Service connections. AzureCLI@2 and AzurePowerShell@5 set the variable \
                 by themselves.",
            )
            .command(format!("{MAPPING}\n    {OWN_CONNECTION}: ID_OF_THE_CONNECTION")),
    )
}

/// Advice for a refused token request.
pub(crate) fn refused(environment: &Environment, refused: &Refused, login: &Login) -> Remedy {
    let connection = environment.connection.as_deref();
    let remedy = match connection {
        Some(id) => Remedy::default().proof("service connection", id, "environment"),
        None => Remedy::default(),
    };
    if is_unreferenced(refused.said) {
        return reference(remedy, connection, login);
    }
    match refused.status {
        401 | 403 => system_token_refused(remedy),
        404 => remedy
            .fix("Check the service connection's id, and that this pipeline may use it.")
            .step(
                "In Azure DevOps, under Project settings, Service connections, the connection's \
                 page has the id in its address (resourceId=…), and under Security the pipelines \
                 that may use it.",
            ),
        405 => remedy.fix("The request is a POST: a proxy in between changes it.").step(
            "Azure Pipelines answers GET with this status; let requests to it through unchanged.",
        ),
        429 | 500.. => remedy.fix("Try again; status.dev.azure.com tells of outages."),
        _ if refused.signs_in => system_token_refused(remedy),
        _ => remedy,
    }
}

/// Whether Azure's message says that no task of the job references the service connection.
pub(crate) fn is_unreferenced(said: &str) -> bool {
    said.contains("no explicit reference to service connection")
}

pub(crate) fn reference(remedy: Remedy, connection: Option<&str>, login: &Login) -> Remedy {
    remedy
        .fix("Name the service connection in an input of a task of the same job.")
        .announce("A variable that holds the id is not enough; a task that never runs is:")
        .command(login_task(connection, login).replacen(
            "AzureCLI@2\n",
            "AzureCLI@2\n  condition: false\n",
            1,
        ))
}

fn system_token_refused(remedy: Remedy) -> Remedy {
    remedy
        .fix("Map the job's own access token into the step; Azure DevOps does not accept the present SYSTEM_ACCESSTOKEN.")
        .command(MAPPING)
        .step(
            "It holds only while the job runs, and only in the organization and project of the \
             pipeline.",
        )
        .step("Check that this pipeline may use the service connection, under its Security.")
}
