//! Applies remedies unchanged and judges again, until the login works (product contract, section
//! 5).
//!
//! A [`world::State`] is a login that works. One to three [`faults`] break it. The program judges
//! it, and an option of the root cause's remediation is [`apply`]ed, until the login works. The
//! harness fails if
//! - remedies do not lead to a working login within [`MAX_STEPS`] steps,
//! - a state occurs twice, or a change cannot be made on this platform,
//! - a changed policy lets in a kind of job that neither the policy before nor the one before the
//!   faults let in, and that is not this token's ([`kinds`]), unless the option says "only if that
//!   is meant",
//! - the login of the next run of the same job no longer works,
//! - a command names another host than this run's.
//!
//! Which token a job gets ([`jobs`], [`platforms`]), who is let in (`crate::reference`) and when a
//! login works ([`world::State::works`]) is implemented independently of the program.
//!
//! `REMEDIES_RUNS=5000 cargo test --test it remedies -- --nocapture` tries more logins,
//! `REMEDIES_SEED=…` other ones.

mod apply;
mod faults;
mod jobs;
mod kinds;
mod platforms;
#[cfg(unix)]
mod words;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::faults::Fault;
use self::jobs::{Job, Model};
use self::world::State;
use crate::support::Doctor;

/// How many remedies a login may need, one after the other.
const MAX_STEPS: usize = 4;

const MAX_FAULTS: usize = 3;

/// The default number of logins with two or three faults. All single faults are tried too.
const DEFAULT_RUNS: usize = 800;

/// A small generator of random numbers (splitmix64), so that a seed reproduces a run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

/// A broken login and its healthy state.
struct Case {
    faults: Vec<&'static str>,
    healthy: State,
    broken: State,
    /// The index of the option to apply; 0 is the preferred one.
    choice: usize,
}

/// The results of the cases.
#[derive(Default)]
struct Tally {
    /// How many logins needed each number of steps, by the number of faults.
    repaired: [[usize; MAX_STEPS + 1]; MAX_FAULTS + 1],
    remedies: usize,
    /// How many logins had no option, by code.
    without_option: BTreeMap<String, usize>,
    codes: BTreeSet<String>,
    platforms: BTreeSet<&'static str>,
    problems: Vec<String>,
}

/// Codes without an option in this harness: the intended value is not known.
const WITHOUT_OPTIONS: [&str; 1] = ["claim-unexpanded"];

impl Tally {
    fn add(&mut self, case: &Case) {
        self.platforms.insert(case.broken.model.name);
        if let Err(problem) = self.repair(case) {
            let Case { faults, choice, broken, .. } = case;
            self.problems
                .push(format!("{} {faults:?} option {choice}: {problem}", broken.model.name));
        }
    }

    fn repair(&mut self, case: &Case) -> Result<(), String> {
        let mut state = case.broken.clone();
        let mut seen = BTreeSet::from([state.fingerprint()]);
        let mut applied = Vec::new();
        loop {
            let report = report(&state);
            let cause = report["rootCause"].as_str().unwrap_or_default().to_owned();
            if report["verdict"] == "healthy" || state.works() {
                if report["verdict"] != "healthy" || !state.works() {
                    return Err(format!(
                        "{applied:?}: {} ({cause}), but it works: {}",
                        report["verdict"],
                        state.works()
                    ));
                }
                break;
            }
            let finding = &report["findings"][0];
            if applied.len() == MAX_STEPS {
                return Err(format!("{applied:?}, and still {cause}"));
            }
            if finding["retryable"] == true {
                state.transient_status = None;
                continue;
            }
            let options = finding["remediation"]["options"].as_array().unwrap();
            for finding in report["findings"].as_array().unwrap() {
                check_commands(&state, finding)?;
            }
            let Some(option) = options.get(case.choice % options.len().max(1)) else {
                if WITHOUT_OPTIONS.contains(&cause.as_str()) {
                    *self.without_option.entry(cause).or_default() += 1;
                    return Ok(());
                }
                return Err(format!(
                    "{applied:?}, then no option for {cause}: {}",
                    finding["detail"]
                ));
            };
            let when = option["when"].as_str().unwrap_or("(only way)");
            applied.push(format!("{cause}: {when}"));
            check_intents(finding)?;
            let next = apply::apply(&state, option).map_err(|why| format!("{applied:?}: {why}"))?;
            check_admission(case, &state, &next, option)
                .map_err(|why| format!("{applied:?}: {why}"))?;
            if !seen.insert(next.fingerprint()) {
                return Err(format!("{applied:?}: the same state again"));
            }
            self.codes.insert(cause);
            self.remedies += 1;
            state = next;
        }
        self.repaired[case.faults.len()][applied.len()] += 1;
        check_next_run(case, &state).map_err(|why| format!("{applied:?}: {why}"))
    }
}

fn report(state: &State) -> Value {
    let report = doctor::judge::judge(&state.evidence(), false);
    serde_json::to_value(report).unwrap()
}

/// Several options must each say for which intent they are.
fn check_intents(finding: &Value) -> Result<(), String> {
    let options = finding["remediation"]["options"].as_array().unwrap();
    let silent = |option: &&Value| option["when"].is_null();
    let needs = options.len() > 1;
    if needs && options.iter().any(|option| silent(&option)) {
        return Err(format!("an option without its intent: {options:?}"));
    }
    if options.iter().any(|option| option["onlyIfMeant"] == true && option["when"].is_null()) {
        return Err("only if what is meant?".to_owned());
    }
    let texts = finding["remediation"].to_string();
    if options.iter().any(|option| option["onlyIfMeant"] == true)
        && !texts.to_lowercase().contains("only if that is meant")
    {
        return Err(format!("no words \"only if that is meant\": {texts}"));
    }
    Ok(())
}

/// Commands must not send requests to another backend than this run's.
fn check_commands(state: &State, finding: &Value) -> Result<(), String> {
    let host = |url: &str| {
        let rest = url.split("//").last().unwrap_or_default();
        rest.split(['/', '\'', '"', ' ', '?', ':']).next().unwrap_or_default().to_owned()
    };
    let own = host(&state.backend());
    let mut allowed = vec![own.clone(), "idp.acme.test".to_owned()];
    if own.ends_with("pulumi.com") {
        allowed.push("api.pulumi.com".to_owned());
    }
    for url in ["url", "--cloud-url"].iter().filter_map(|name| state.login.get(*name)) {
        allowed.push(host(url));
    }
    let commands = finding["remediation"]["commands"].as_array().unwrap();
    for command in commands.iter().map(|command| command.as_str().unwrap()) {
        let logs_in = command.contains("pulumi login") || command.contains("/api/");
        let urls = command.match_indices("https://").map(|(at, _)| host(&command[at..]));
        for named in urls.filter(|_| logs_in) {
            if !allowed.contains(&named) && !state.claims()["iss"].to_string().contains(&named) {
                return Err(format!("{command} is not for {own}"));
            }
        }
    }
    Ok(())
}

/// A changed policy must not let in other kinds of job.
fn check_admission(case: &Case, state: &State, next: &State, option: &Value) -> Result<(), String> {
    let (now, then) = (state.policies(), next.policies());
    if now == then {
        return Ok(());
    }
    let intended = case.healthy.policies();
    for (kind, other) in kinds::other_jobs(state.model, &next.job) {
        // The old rule may have been for the subject without ids, or for another audience.
        let without_ids = Job { has_ids: false, ..other.clone() };
        let was = [&other, &without_ids].into_iter().any(|job| {
            let mut before = job.clone();
            if job.audience == next.job.audience {
                before.audience.clone_from(&case.healthy.job.audience);
            }
            state.admits(&now, job) || case.healthy.admits(&intended, &before)
        });
        if next.admits(&then, &other) && !was {
            let is_meant = option["onlyIfMeant"] == true;
            let widens = option["when"].as_str().unwrap_or_default().contains("regular expression");
            if !(is_meant && widens) {
                return Err(format!("lets in {kind} ({})", state.model.claims(&other)["sub"]));
            }
        }
    }
    Ok(())
}

/// The next run of the same job, started by somebody else, must be let in.
fn check_next_run(case: &Case, state: &State) -> Result<(), String> {
    let again = Job { run: state.job.run + 1, ..state.job.clone() };
    let is_let_in = |state: &State| state.admits(&state.policies(), &again);
    // A pull request's ref differs in every run.
    if is_let_in(state) || !is_let_in(&case.healthy) && state.policies() == case.broken.policies() {
        return Ok(());
    }
    Err(format!("the next run is not let in: {:?}", state.policies()))
}

/// A broken login, if the platform can have all of these faults.
fn case(
    model: &'static Model,
    chosen: &[&'static Fault],
    variant: usize,
    choice: usize,
) -> Option<Case> {
    let has_ids = variant & 2 != 0 && model.name.starts_with("GitHub");
    let healthy = State::healthy(model, variant & 1 != 0, has_ids);
    let mut broken = healthy.clone();
    for fault in chosen {
        if !(fault.apply)(&mut broken) {
            return None;
        }
    }
    let faults = chosen.iter().map(|fault| fault.name).collect();
    Some(Case { faults, healthy, broken, choice })
}

fn number_from_environment(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
#[allow(clippy::print_stdout)]
fn remedies_lead_to_working_logins() {
    let seed = number_from_environment("REMEDIES_SEED").unwrap_or(20_261_201);
    let runs = number_from_environment("REMEDIES_RUNS").unwrap_or(DEFAULT_RUNS);
    let mut tally = Tally::default();
    let mut tried = [0; MAX_FAULTS + 1];
    for model in platforms::ALL {
        for fault in faults::ALL {
            for (variant, choice) in [(0, 0), (3, 0), (0, 1), (1, 2)] {
                if let Some(case) = case(model, &[fault], variant, choice) {
                    tally.add(&case);
                    tried[1] += 1;
                }
            }
        }
    }
    let mut random = Random(seed as u64);
    let mut left = runs;
    while left > 0 {
        let model = &platforms::ALL[random.below(platforms::ALL.len())];
        let mut chosen: Vec<&'static Fault> = Vec::new();
        for _ in 0..2 + random.below(2) {
            let fault = &faults::ALL[random.below(faults::ALL.len())];
            if !chosen.iter().any(|other| other.part == fault.part) {
                chosen.push(fault);
            }
        }
        let (variant, choice) = (random.below(4), [0, 0, 1, 2][random.below(4)]);
        if let Some(case) = case(model, &chosen, variant, choice) {
            tally.add(&case);
            tried[chosen.len()] += 1;
            left -= 1;
        }
    }
    let Tally { repaired, remedies, without_option, codes, platforms, problems } = tally;
    println!(
        "seed {seed}: {remedies} remedies applied, {} codes, {} platforms; left to people: {without_option:?}",
        codes.len(),
        platforms.len()
    );
    println!("| faults | logins | no step | 1 step | 2 steps | 3 steps | 4 steps |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (faults, steps) in repaired.iter().enumerate().skip(1) {
        let steps: Vec<String> = steps.iter().map(usize::to_string).collect();
        println!("| {faults} | {} | {} |", tried[faults], steps.join(" | "));
    }
    let count = problems.len();
    let shown: Vec<String> = problems
        .into_iter()
        .take(number_from_environment("REMEDIES_SHOWN").unwrap_or(25))
        .collect();
    assert!(shown.is_empty(), "{count} problems, seed {seed}:\n{}", shown.join("\n"));
    assert_eq!(platforms.len(), platforms::ALL.len());
    assert!(codes.len() >= 20, "{codes:?}");
}

/// The built program agrees with the library for the same login.
#[test]
fn program_gives_same_remedies() {
    let mut random = Random(7);
    let mut compared = 0;
    while compared < 30 {
        let model = &platforms::ALL[random.below(platforms::ALL.len())];
        let fault = &faults::ALL[random.below(faults::ALL.len())];
        let Some(case) = case(model, &[fault], random.below(4), 0) else { continue };
        // Other tests cover project files, programs on PATH and answers.
        let state = &case.broken;
        let helper = state.environment.contains_key("PULUMI_CREDENTIAL_HELPER");
        if state.project.is_some()
            || state.helper_on_path
            || helper
            || state.transient_status.is_some()
        {
            continue;
        }
        let expected = report(state);
        let run = login_command(state).json();
        assert_eq!(run.report["rootCause"], expected["rootCause"], "{:?}", case.faults);
        let options = |report: &Value| report["findings"][0]["remediation"]["options"].clone();
        let options_text = |report: &Value| serde_json::to_string(&options(report)).unwrap();
        // The lines of entries differ, because the document is formatted differently.
        let before_lines =
            |text: String| text.split("\"line\":").next().unwrap_or_default().to_owned();
        assert_eq!(
            before_lines(options_text(&run.report)),
            before_lines(options_text(&expected)),
            "{:?}",
            case.faults
        );
        compared += 1;
    }
}

/// The program called instead of the login.
fn login_command(state: &State) -> Doctor {
    let token = token(state);
    let mut doctor = Doctor::bare().file("policy.json", state.document.to_string()).arg("login");
    for (flag, value) in &state.login {
        doctor = match flag.as_str() {
            "url" => doctor.arg(value),
            name => doctor.args([name, value]),
        };
    }
    for (name, value) in &state.environment {
        doctor = doctor.env(name, value);
    }
    doctor.args(["--oidc-token", &token, "--policy", "policy.json", "--offline"]).args([
        "--pulumi-version",
        &state.cli,
        "--now",
        "2026-09-21T14:14:00Z",
    ])
}

/// The token with an arbitrary signature, which is not verified offline.
fn token(state: &State) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(serde_json::json!({"alg": "RS256", "kid": "k"}));
    let signature = URL_SAFE_NO_PAD.encode([1; 256]);
    format!("{header}.{}.{signature}", part(Value::Object(state.claims())))
}
