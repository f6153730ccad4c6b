//! Messages of pulumi about its arguments, credential helpers, credentials.json and coding agents.
//! Sources: pulumi/pulumi pkg/cmd/pulumi/auth/login.go, pkg/auth/credentialhelper,
//! sdk/go/common/workspace (creds.go, credstore.go), sdk/go/common/util/securestore,
//! pkg/backend/httpstate (agents), pkg/cmd/pulumi/agentauth; 3.243.0 to 3.276.0.

use super::{Message, Scope};
use crate::catalogue::Code;

const HELPER_CODES: &[Code] = &[Code::CredentialHelperInvalid];
const UNWRITABLE_CODES: &[Code] = &[Code::CredentialsFileUnwritable];
const ENCRYPTED_CODES: &[Code] = &[Code::CredentialsEncrypted];
const ARGUMENT_CODES: &[Code] = &[Code::LoginArgumentsInvalid];
/// No token reached the CLI, and a coding agent runs it.
const AGENT_CODES: &[Code] = &[Code::TokenEmpty, Code::AgentAccountUsed];

const DISABLE_HELPER: &str = "Set PULUMI_CREDENTIAL_HELPER=none for the step that logs in.";
const HELPER_ANSWER: &str = "The credential helper ran, and pulumi cannot use its answer: credentials \
    helper{problem}.";
const HELPER_FIX: &str = "Run the helper by hand and correct its answer. An OIDC login needs no helper: \
    set PULUMI_CREDENTIAL_HELPER=none.";
const FIX_STORE: &str = "Set PULUMI_CREDENTIAL_STORE to auto or plaintext, or leave it unset.";
const UPDATE_PULUMI: &str = "Use a pulumi that is not older than the one that wrote the file, set PULUMI_HOME to \
    an empty folder, or run pulumi logout --all.";
const AGENT_FIX: &str = "Find out why no OIDC token reached pulumi, and stop the step if the token is \
    empty. A variable of a coding agent, such as CLAUDECODE, makes pulumi use an agent account.";
const AGENT_WAITS: &str = "pulumi got no token and waits for a login in a browser. From 3.274.0 it does \
    so without a terminal too if a coding agent runs it, and the job hangs until its time limit.";
const AGENT_BROKEN: &str = "pulumi got no OIDC token, and a coding agent runs it. So it tried to use the \
    agent's temporary account, and that failed.";

pub(super) const MESSAGES: &[Message] = &[
    // ------------------------------------------------------------------------ arguments
    Message::code(
        "unknown flag: --oidc-{flag}",
        &[Code::CliTooOld, Code::LoginArgumentsInvalid],
        "This pulumi does not know --oidc-{flag}. The --oidc flags came with 3.209.0.",
    ),
    Message::code(
        "unknown flag: --credential-helper",
        &[Code::CliTooOld],
        "This pulumi does not know --credential-helper, which came with 3.274.0.",
    ),
    Message::code("unknown flag: {flag}", ARGUMENT_CODES, "pulumi login has no flag {flag}.")
        .scope(Scope::PulumiLogin),
    Message::code(
        "unknown shorthand flag: 'o' in -oidc-{flag}",
        ARGUMENT_CODES,
        "-oidc-{flag} has one dash and needs two.",
    )
    .fix("Write the flag with two dashes."),
    Message::code(
        "unknown shorthand flag: {letter} in {flag}",
        ARGUMENT_CODES,
        "pulumi login has no flag {flag}.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "flag needs an argument: --oidc-token",
        &[Code::TokenEmpty],
        "--oidc-token is the last word of the command: its variable is empty and not quoted.",
    ),
    Message::code(
        "flag needs an argument: {flag}",
        ARGUMENT_CODES,
        "{flag} is the last word of the command: its variable is empty and not quoted.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "invalid argument \"{value}\" for \"{flag}\" flag: {problem}",
        ARGUMENT_CODES,
        "The flag {flag} does not take the value {value}.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "accepts at most 1 arg(s), received {number}",
        ARGUMENT_CODES,
        "pulumi login takes at most one argument, the URL, and got {number}. Most likely the shell \
         split a value that is not quoted, such as Bearer and a token.",
    )
    .scope(Scope::PulumiLogin)
    .fix("Put every variable of the command in double quotes, and pass the bare token."),
    // ---------------------------------------------------------------- credential helpers
    Message::code(
        "--oidc-token cannot be used with a credentials helper",
        &[Code::CredentialHelperActive],
        "",
    )
    .fix(DISABLE_HELPER),
    Message::code(
        "if any flags in the group [oidc-token credential-helper] are set",
        &[Code::CredentialHelperActive],
        "The command has both --oidc-token and --credential-helper, maybe from a PULUMI_OPTION_ \
         variable. pulumi refuses that even if one of them is empty.",
    )
    .fix("Remove --credential-helper, and unset PULUMI_OPTION_CREDENTIAL_HELPER."),
    Message::code("--credential-helper-arg requires --credential-helper", HELPER_CODES, "")
        .fix("Remove --credential-helper-arg, and unset PULUMI_OPTION_CREDENTIAL_HELPER_ARG."),
    Message::code(
        "finding credentials helper: {problem}",
        HELPER_CODES,
        "pulumi does not find the configured credential helper, or cannot run it: {problem}.",
    ),
    Message::code("PULUMI_CREDENTIAL_HELPER_ARGS must be a JSON array of strings", HELPER_CODES, "").fix(
        "Write the arguments as a JSON array of strings, such as [\"--profile\", \"ci\"], or unset \
         PULUMI_CREDENTIAL_HELPER_ARGS.",
    ),
    // The helper ran, but its answer violates the protocol.
    Message::code("unsupported credentials helper protocol version", HELPER_CODES, ""),
    Message::code("error: credentials helper{problem}", HELPER_CODES, HELPER_ANSWER).fix(HELPER_FIX),
    Message::code("credentials helper{problem}", HELPER_CODES, HELPER_ANSWER)
        .scope(Scope::PulumiLogin)
        .fix(HELPER_FIX),
    // ------------------------------------------------------------------ credentials.json
    Message::code(
        "invalid PULUMI_CREDENTIAL_STORE value \"{value}\"",
        UNWRITABLE_CODES,
        "PULUMI_CREDENTIAL_STORE is {value}. pulumi knows auto, os and plaintext.",
    )
    .fix(FIX_STORE),
    Message::code(
        "PULUMI_CREDENTIAL_STORE=os but no usable OS credential protection",
        UNWRITABLE_CODES,
        "PULUMI_CREDENTIAL_STORE=os demands a key store of the operating system, and a container has \
         none. The token exchange was made before that.",
    )
    .fix(FIX_STORE),
    Message::code(
        "refusing to overwrite credentials file '{path}' that was encrypted by a newer version",
        &[Code::CredentialsEncrypted, Code::CredentialsFileUnwritable],
        "A newer pulumi encrypted {path}, and this one does not overwrite it.",
    )
    .fix(UPDATE_PULUMI),
    Message::code(
        "refusing to overwrite credentials file '{path}' that is encrypted but cannot be parsed",
        &[Code::CredentialsFileInvalid, Code::CredentialsFileUnwritable],
        "{path} is damaged, and pulumi does not overwrite it.",
    )
    .fix("Run pulumi logout --all, which deletes the file."),
    Message::code(
        "refusing to overwrite encrypted credentials file '{path}' with plaintext",
        &[Code::CredentialsFileUnwritable, Code::CredentialsEncrypted],
        "{path} is encrypted with a key that is out of reach here, so the login cannot be stored.",
    )
    .fix("Set PULUMI_CREDENTIAL_STORE=plaintext, or PULUMI_HOME to an empty folder."),
    Message::code(
        "refusing to overwrite credentials file",
        UNWRITABLE_CODES,
        "pulumi does not overwrite the stored credentials, so the login cannot be stored.",
    )
    .fix("Set PULUMI_HOME to an empty folder, or run pulumi logout --all."),
    Message::code(
        "existing stored credentials can no longer be decrypted: {problem}",
        ENCRYPTED_CODES,
        "The stored credentials cannot be decrypted: {problem}. Without a terminal pulumi replaces \
         them and goes on.",
    ),
    Message::code(
        "login cancelled: restore the OS credential store",
        ENCRYPTED_CODES,
        "The stored credentials cannot be decrypted, and pulumi was told not to discard them.",
    ),
    Message::code(
        "removing undecryptable credentials: {problem}",
        UNWRITABLE_CODES,
        "The stored credentials cannot be decrypted, and the file cannot be removed: {problem}.",
    ),
    Message::code(
        "retrieving the credentials encryption key for '{path}': {problem}",
        ENCRYPTED_CODES,
        "The key for {path} cannot be read: {problem}.",
    ),
    Message::code(
        "credentials file '{path}' was encrypted by a newer version",
        ENCRYPTED_CODES,
        "A newer pulumi encrypted {path}, and this one cannot read it.",
    )
    .fix(UPDATE_PULUMI),
    Message::code(
        "credentials file '{path}' is encrypted but cannot be parsed: {problem}",
        &[Code::CredentialsFileInvalid],
        "{path} is damaged: {problem}.",
    )
    .fix("Run pulumi logout --all, which deletes the file."),
    Message::code(
        "credentials file '{path}' is encrypted but {problem}",
        ENCRYPTED_CODES,
        "{path} is encrypted and {problem}.",
    ),
    Message::code(
        "credentials file '{path}' cannot be decrypted: {problem}",
        ENCRYPTED_CODES,
        "{path} is encrypted and cannot be read here: {problem}.",
    ),
    Message::code(
        "failed to read Pulumi credentials file. Please fix or delete invalid credentials file: \
         '{path}'",
        &[Code::CredentialsFileInvalid],
        "{path} cannot be read as credentials, and the CLI stops there.",
    ),
    Message::code(
        "failed to read Pulumi config file: {problem}",
        &[Code::CredentialsFileInvalid],
        "config.json beside credentials.json cannot be read: {problem}. The login was stored before \
         that.",
    )
    .fix("Correct or delete config.json beside credentials.json."),
    Message::code(
        "getting stored credentials: {problem}",
        &[Code::CredentialsFileInvalid, Code::CredentialsEncrypted],
        "pulumi stored the login and cannot read it again: {problem}.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "the OS credential store was not unlocked",
        UNWRITABLE_CODES,
        "The key store of the operating system stayed locked.",
    )
    .fix(FIX_STORE),
    Message::code(
        "failed to get the home path: {problem}",
        UNWRITABLE_CODES,
        "pulumi finds no home directory, because the user of this container has no passwd entry: \
         {problem}.",
    )
    .scope(Scope::PulumiLogin)
    .fix("Set PULUMI_HOME to a folder that this user can write."),
    Message::code(
        "failed to create '{path}.pulumi': {problem}",
        UNWRITABLE_CODES,
        "The folder {path}.pulumi cannot be created: {problem}.",
    ),
    Message::code(
        "failed to create '{path}': mkdir {problem}",
        UNWRITABLE_CODES,
        "The folder {path} for the credentials cannot be created: mkdir {problem}.",
    )
    .scope(Scope::PulumiLogin),
    Message::code(
        "reading '{path}credentials.json': {problem}",
        &[Code::CredentialsFileUnwritable, Code::CredentialsFileInvalid],
        "{path}credentials.json cannot be read: {problem}.",
    ),
    Message::code(
        "problem logging in: open {path}: {problem}",
        UNWRITABLE_CODES,
        "The login worked, and {path} cannot be written: {problem}.",
    ),
    Message::code(
        "could not log in to the state backend \"{backend}\": open {path}: {problem}",
        UNWRITABLE_CODES,
        "The login worked, and {path} cannot be written: {problem}.",
    ),
    // ------------------------------------------------------------------------ agents
    Message::code(
        "PULUMI_EPHEMERAL_AGENT_ACCOUNT",
        &[Code::AgentAccountUsed, Code::TokenEmpty],
        "No OIDC token reached pulumi, and a coding agent runs it. So it used a temporary agent \
         account instead of failing. The claim URL below this line is a secret.",
    )
    .fix(AGENT_FIX),
    Message::code(
        "ACTION_REQUIRED=Tell the user to run pulumi login",
        &[Code::AgentAccountUsed, Code::WhoamiUnauthorized],
        "Pulumi Cloud no longer accepts the credentials of the coding agent's temporary account.",
    )
    .fix(AGENT_FIX),
    Message::code("creating agent Pulumi account: {problem}", AGENT_CODES, AGENT_BROKEN).fix(AGENT_FIX),
    Message::code("shared agent credentials for \"{url}\"", AGENT_CODES, AGENT_BROKEN).fix(AGENT_FIX),
    Message::code("failed to read Pulumi agent claim file '{path}'", AGENT_CODES, AGENT_BROKEN)
        .fix(AGENT_FIX),
    Message::code("agent mode requires read/write access to {path}", AGENT_CODES, AGENT_BROKEN)
        .fix(AGENT_FIX),
    Message::code("We couldn't launch your web browser for some reason", AGENT_CODES, AGENT_WAITS)
        .fix(AGENT_FIX)
        .symptom(),
    Message::code(
        "We've launched your web browser to complete the login process",
        AGENT_CODES,
        AGENT_WAITS,
    )
    .fix(AGENT_FIX)
    .symptom(),
    Message::code("Waiting for login to complete...", AGENT_CODES, AGENT_WAITS)
        .scope(Scope::PulumiLogin)
        .fix(AGENT_FIX)
        .symptom(),
];
