//! Requests that begin together, and the first connection.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Takes connections and says nothing; how many there were.
async fn silent() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let taken = Arc::clone(&count);
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            open.push(listener.accept().await.unwrap());
            taken.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

#[test]
fn who_waited_for_a_connection_that_took_too_long_makes_none() {
    run(async {
        let (port, count) = silent().await;
        let deadline = Instant::now() + Duration::from_secs(3);
        let options = ClientOptions { deadline: Some(deadline), ..ClientOptions::default() };
        let client = client(&identity(NAMES, |_| {}).root, options);
        let url = format!("https://127.0.0.1:{port}/");
        let ask = || async { client.get(&url, &[], &Scrubber::default(), deadline).await };
        for probe in <[_; 3]>::from(tokio::join!(ask(), ask(), ask())) {
            let failure = probe.failure().unwrap();
            assert_eq!(failure.kind, FailureKind::Timeout, "{probe:?}");
            assert!(failure.detail.starts_with("no TLS connection came about"), "{probe:?}");
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        // Another one is not told of the past.
        let deadline = Instant::now() + Duration::from_millis(100);
        assert!(client.get(&url, &[], &Scrubber::default(), deadline).await.failure().is_some());
        assert_eq!(count.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_first_connection_that_fails_is_no_hindrance_to_others() {
    run(async {
        let id = identity(NAMES, |_| {});
        let good = serve(&id, |_| ok("", "{}")).await;
        let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let client = client(&id.root, ClientOptions::default());
        let ask = |port: u16| {
            let client = &client;
            async move {
                let url = format!("https://127.0.0.1:{port}/");
                client
                    .request(Method::GET, &url, &[], &Scrubber::default(), soon())
                    .await
                    .answer()
                    .is_some()
            }
        };
        let answered: [_; 3] = tokio::join!(ask(refused.port()), ask(good), ask(good)).into();
        assert_eq!(answered, [false, true, true]);
    });
}
