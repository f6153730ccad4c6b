//! The setup for running a login: a directory, an otherwise empty environment, and a Pulumi Cloud
//! on loopback with the answers of the case. The real CLI and the doctor get the same setup.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::cases::{Answer, Case};

/// The time limit of a run. The real CLI tries a failing request four times in seven seconds.
const LIMIT: Duration = Duration::from_secs(20);

/// The result of a login.
pub struct Outcome {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// The first exchange: its path, and the form without the token.
    pub exchange: Option<String>,
}

/// A case that is set up in its own directory.
pub struct Stage<'a> {
    case: &'a Case,
    directory: tempfile::TempDir,
    cloud: Cloud,
}

impl<'a> Stage<'a> {
    pub fn new(case: &'a Case) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stage = Self { case, directory, cloud: Cloud::start(case) };
        for folder in ["work", "home/.pulumi", "bin"] {
            fs::create_dir_all(stage.path(folder)).unwrap();
        }
        for (name, content, mode) in &case.files {
            let path = stage.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match str::from_utf8(content) {
                Ok(text) => fs::write(&path, stage.fill_in(text)).unwrap(),
                Err(_) => fs::write(&path, content).unwrap(),
            }
            set_mode(&path, *mode);
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces the placeholders in a text by this run's values.
    fn fill_in(&self, text: &str) -> String {
        text.replace("{token}", &self.case.token)
            .replace("{url}", &self.cloud.url())
            .replace("{port}", &self.cloud.port.to_string())
            .replace("{dir}", &self.directory.path().to_string_lossy())
    }

    /// Replaces this run's values in a text by the placeholders.
    fn to_placeholders(&self, text: &str) -> String {
        text.replace(&self.case.token, "{token}")
            .replace(&self.cloud.url(), "{url}")
            .replace(&format!(":{}", self.cloud.port), ":{port}")
            .replace(&*self.directory.path().to_string_lossy(), "{dir}")
    }

    /// Runs a program with the arguments `first` and those of the case.
    pub fn run(&self, program: &Path, first: &[&str]) -> Outcome {
        let mut command = Command::new(program);
        command
            .args(first)
            .args(self.case.arguments.iter().map(|argument| self.fill_in(argument)))
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .env("PULUMI_HOME", self.path("home/.pulumi"))
            .env("PULUMI_SKIP_UPDATE_CHECK", "true")
            .env("NO_COLOR", "1")
            .current_dir(self.path("work"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in &self.case.environment {
            match value {
                Some(value) => command.env(name, self.fill_in(value)),
                None => command.env_remove(name),
            };
        }
        let output = output_within_limit(command);
        Outcome {
            status: output.status.code(),
            stdout: self.to_placeholders(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.to_placeholders(&String::from_utf8_lossy(&output.stderr)),
            exchange: self.cloud.exchange().map(|line| self.to_placeholders(&line)),
        }
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

fn output_within_limit(mut command: Command) -> Output {
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + LIMIT;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

/// The Pulumi Cloud of one case.
struct Cloud {
    port: u16,
    /// Every request: its first line, and its body.
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Cloud {
    fn start(case: &Case) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        let (exchange, user, anywhere) =
            (case.exchange.clone(), case.user.clone(), case.answers_anywhere);
        // The thread ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = |line: &str| {
                    let path = line.split(' ').nth(1).unwrap_or_default();
                    let is = |end: &str| path == end || anywhere && path.ends_with(end);
                    if is("/api/oauth/token") && line.starts_with("POST ") {
                        exchange.clone()
                    } else if is("/api/user") {
                        user.clone()
                    } else if is("/api/capabilities") {
                        Answer::new(200, r#"{"capabilities":[]}"#)
                    } else {
                        Answer::new(404, "404 page not found")
                    }
                };
                // Errors of a client that closes its connection do not matter.
                let _ = serve(stream, answer, &log);
            }
        });
        Self { port, requests }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn exchange(&self) -> Option<String> {
        let requests = self.requests.lock().unwrap();
        let (line, body) = requests.iter().find(|(line, _)| line.starts_with("POST "))?;
        let path = line.split(' ').nth(1)?;
        let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let form: Vec<String> = form
            .into_iter()
            .map(|(name, value)| format!("{name}={}", value.replace('\n', "\\n")))
            .collect();
        Some(format!("{path} {}", form.join("&")))
    }
}

fn serve(
    stream: TcpStream,
    answer: impl Fn(&str) -> Answer,
    log: &Mutex<Vec<(String, String)>>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    log.lock().unwrap().push((line.clone(), String::from_utf8_lossy(&body).into_owned()));
    let Answer { status, body, headers } = answer(&line);
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    )?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "\r\n{body}")
}
