//! Pipeline steps to paste that install the doctor and run it when the login fails. The platforms'
//! files have their text.

use crate::cli::commands::{Step, StepPlatform};
use crate::gather::environment::Environment;
use crate::platform::StepValues;
use crate::pulumi::urn;
use crate::text;
use crate::text::command::{Shell, power_shell};

/// Replaces an organization that is not given.
const PLACEHOLDER: &str = "ORG";

/// The step, as YAML that ends with a line break, or what is wrong with the arguments. Without an
/// organization, or with an empty name, it contains a placeholder and a note about it.
pub(super) fn step(arguments: &Step, environment: &Environment) -> Result<String, String> {
    let StepPlatform(template) = arguments.platform;
    let shell = arguments.shell.shell();
    if !template.shells.contains(&shell) {
        return Err(format!("there is no step for {} in PowerShell", template.argument));
    }
    let named = arguments.oidc_org.as_deref().filter(|name| !name.is_empty());
    let name = named.unwrap_or(PLACEHOLDER);
    // A step is pasted into a repository.
    if environment.scrubber(&[], &[]).scrub(name) != name {
        return Err("--oidc-org holds a secret; it is the organization's name".into());
    }
    let word = match shell {
        Shell::Posix => Some(text::shell(name)),
        // The platforms replace expressions ($(…), ${{…}}) and read commands (##) before PowerShell does.
        Shell::PowerShell => power_shell(name).filter(|word| !word.contains(['$', '#'])),
    };
    let Some(word) = word else {
        return Err("--oidc-org has characters that cannot be written safely for PowerShell".into());
    };
    Ok((template.yaml)(&StepValues {
        shell,
        note: match named {
            Some(_) => "",
            None => "# ORG stands for the organization in Pulumi Cloud.\n",
        },
        organization: &word,
        audience: &urn::organization(name),
    }))
}
