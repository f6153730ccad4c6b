//! An HTTP client for the peers.

use std::thread;

use serde_json::Value;

use crate::support::Authority;

/// An HTTP client that trusts one authority.
#[derive(Clone)]
pub struct Client {
    root: reqwest::Certificate,
}

impl Client {
    /// A client that trusts only this authority.
    pub fn trusting(authority: &Authority) -> Self {
        // It fails if another test has installed the provider already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Self { root: reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap() }
    }

    /// The JSON that a URL serves with status 200.
    pub fn get(&self, url: &str) -> Option<Value> {
        let request = self.http().get(url);
        send(request).ok().filter(|(status, _)| *status == 200).map(|(_, body)| body)
    }

    /// Posts a form. Returns the answer, whose status must be 200.
    #[track_caller]
    pub fn post(&self, url: &str, form: &[(&str, &str)]) -> Value {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http().post(url);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let (status, answer) = send(request.body(body)).unwrap();
        assert_eq!(status, 200, "{url}: {answer}");
        answer
    }

    fn http(&self) -> reqwest::Client {
        reqwest::Client::builder().tls_certs_only([self.root.clone()]).no_proxy().build().unwrap()
    }
}

/// Sends a request from a new thread, because the caller may run inside a runtime.
fn send(request: reqwest::RequestBuilder) -> reqwest::Result<(u16, Value)> {
    let send = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            let body = answer.bytes().await?;
            Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
        })
    };
    thread::spawn(send).join().unwrap()
}
