//! Pipeline steps to paste that run the doctor when the login fails: one text for each platform.
//!
//! A script stands in a literal block (YAML 1.2.2 section 8.1.2), where a word that is quoted for
//! the shell needs no other quoting.

use crate::cli::commands::StepPlatform;
use crate::pulumi::urn;
use crate::text;

/// What stands for an organization that is not named.
const PLACEHOLDER: &str = "ORG";

/// The step, as YAML that ends with a line break. Without an organization, or with an empty name,
/// it holds a placeholder and says so.
pub(super) fn step(platform: StepPlatform, organization: Option<&str>) -> String {
    let named = organization.filter(|name| !name.is_empty());
    let note = match named {
        Some(_) => "",
        None => "# ORG stands for the organization in Pulumi Cloud.\n",
    };
    let name = named.unwrap_or(PLACEHOLDER);
    let word = text::shell(name);
    match platform {
        // Tasks/AzureCLIV2 of microsoft/azure-pipelines-tasks: `idToken` is in the environment of
        // the script alone, and only with addSpnToEnvironment.
        StepPlatform::Azure => format!(
            r#"# Azure Pipelines: a task for the job that logs in, after the one that does.
# doctor has to be on the agent's PATH. If that task has an env: block, repeat it here.
{note}- task: AzureCLI@2
  displayName: Why the login to Pulumi Cloud fails
  condition: failed()
  inputs:
    azureSubscription: my-service-connection  # the one that the login uses
    addSpnToEnvironment: true  # puts the token into idToken
    scriptType: bash
    scriptLocation: inlineScript
    inlineScript: |
      doctor login https://api.pulumi.com --oidc-token "$idToken" --oidc-org {word}
"#
        ),
        // The doctor asks for the token itself: no step hands its own to the next.
        StepPlatform::Github => format!(
            r#"# GitHub Actions: a step for the job that logs in, after the one that does.
# doctor has to be on the runner's PATH. If that step has an env: block, repeat it here.
# GitHub gives a token only to a job with this permission:
#   permissions:
#     id-token: write
#     contents: read  # what is not listed is not allowed
{note}- name: Why the login to Pulumi Cloud fails
  if: failure()
  shell: bash
  run: |
    doctor --oidc-org {word}
"#
        ),
        // Some runners leave CI_JOB_STATUS at `running`: it is compared with what needs no doctor.
        StepPlatform::Gitlab => format!(
            r#"# GitLab CI: id_tokens and after_script for the job that logs in.
# doctor has to be on PATH in the job. after_script runs whether or not the job failed.
{note}login:
  id_tokens:
    PULUMI_TOKEN:
      aud: {audience}
  script:
    - |
      pulumi login https://api.pulumi.com --oidc-token "$PULUMI_TOKEN" --oidc-org {word}
  after_script:
    - |
      if [ "$CI_JOB_STATUS" != success ]; then
        doctor login https://api.pulumi.com --oidc-token "$PULUMI_TOKEN" --oidc-org {word}
      fi
"#,
            audience = text::yaml(&urn::organization(name)),
        ),
    }
}
