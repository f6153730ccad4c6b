//! Resolver answers that no system resolver can be made to give.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A client whose n-th lookup returns `answers(n)`, and the number of lookups.
fn client_with_answers(
    root: &str,
    options: ClientOptions,
    answers: impl Fn(usize) -> Vec<&'static str> + Send + Sync + 'static,
) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: guard::Lookup = Arc::new(move |_| {
        let found = answers(count.fetch_add(1, Ordering::SeqCst));
        let found = found.into_iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
        let found: Vec<SocketAddr> = found.collect();
        Box::pin(async move { Ok(found) })
    });
    (client_with_lookup(root, options, lookup), asked)
}

fn client_with_lookup(root: &str, options: ClientOptions, lookup: guard::Lookup) -> Client {
    let roots = Roots::load(Some(root.as_bytes()), Duration::from_secs(60)).unwrap();
    Client::with_lookup(&roots, options, lookup).unwrap()
}

#[test]
fn only_permitted_addresses_are_used() {
    run(async {
        let id = identity(&["idp.test"], |_| {});
        let port = serve(&id, |_| ok("", "{}")).await;
        let addresses = ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "127.0.0.1"];
        let (client, _) =
            client_with_answers(&id.root, guarded(true, false), move |_| addresses.into());
        let url = format!("https://idp.test:{port}/");
        let probe = get(&client, &url).await;
        assert!(probe.answer().is_some(), "{probe:?}");
        assert!(probe.elapsed_ms() < 4_000, "the others were not tried: {probe:?}");
        assert_eq!(client.addresses(&url).len(), 4, "seen, though refused");
    });
}

#[test]
fn embedded_addresses_are_classified() {
    let root = identity(NAMES, |_| {}).root;
    for (address, word) in [
        ("127.0.0.1", "loopback"),
        ("10.0.0.1", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:0:10.0.0.1", "private"),
        ("::127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::c0a8:101", "private"),
        ("64:ff9b::a9fe:a9fe", "a metadata service"),
        ("2002:a00:1::1", "private"),
        ("2002:a9fe:a9fe::1", "a metadata service"),
        ("2001:0:808:808::1", "not a host's address"),
    ] {
        run(async {
            let (client, asked) =
                client_with_answers(&root, guarded(false, false), move |_| vec![address]);
            let probe = get(&client, "https://idp.test/").await;
            let failure = probe.failure().unwrap();
            assert_eq!(failure.kind, FailureKind::AddressRefused, "{address}");
            assert!(failure.detail.ends_with(&format!("({word})")), "{}", failure.detail);
            assert_eq!((asked.load(Ordering::SeqCst), failure.attempts), (1, 1));
        });
    }
}

/// A name may resolve to another address between check and connection, so one lookup serves both
/// and all later connections.
#[test]
fn checked_address_is_connected_to() {
    run(async {
        let id = identity(&["idp.test"], |_| {});
        let port = serve(&id, |_| ok("", "{}")).await;
        let (client, asked) =
            client_with_answers(&id.root, guarded(true, false), |number| match number {
                0 => vec!["127.0.0.1"],
                _ => vec!["169.254.169.254"],
            });
        let url = format!("https://idp.test:{port}/");
        // The server hangs up after each answer.
        for _ in 0..2 {
            assert!(get(&client, &url).await.answer().is_some());
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "no second look-up");
        assert_eq!(client.addresses(&url), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
    });
}

/// A policy permits one port of a host, but the resolver gets the host without its port.
#[test]
fn known_origin_permits_no_other_port() {
    run(async {
        let id = identity(&["idp.test"], |_| {});
        let known = serve(&id, |_| ok("", "{}")).await;
        let other = serve(&id, |_| ok("", "{}")).await;
        let [known, other] = [known, other].map(|port| format!("https://idp.test:{port}/"));
        let options = || {
            let guard = Guard::for_issuer(false, false, [known.as_str()]);
            ClientOptions { guard: Some(guard), ..ClientOptions::default() }
        };
        for urls in [[&known, &other], [&other, &known]] {
            let (client, asked) = client_with_answers(&id.root, options(), |_| vec!["127.0.0.1"]);
            for url in urls {
                let probe = get(&client, url).await;
                match url == &known {
                    true => assert!(probe.answer().is_some(), "{probe:?}"),
                    false => {
                        let kind = &probe.failure().unwrap().kind;
                        assert_eq!(*kind, FailureKind::AddressRefused);
                    }
                }
            }
            assert_eq!(asked.load(Ordering::SeqCst), 1, "one answer for both");
        }
        // Another name that resolves to the same place, and a metadata service under the known
        // name.
        let (client, _) = client_with_answers(&id.root, options(), |_| vec!["169.254.169.254"]);
        assert_eq!(kind(&client, &known).await, FailureKind::AddressRefused);
        let (client, _) = client_with_answers(&id.root, options(), |_| vec!["127.0.0.1"]);
        let alias = known.replace("idp.test", "alias.test");
        assert_eq!(kind(&client, &alias).await, FailureKind::AddressRefused);
    });
}

/// A backend that the user named may have any other address.
#[test]
fn without_a_guard_metadata_services_are_refused() {
    run(async {
        let id = identity(&["cloud.test"], |_| {});
        let port = serve(&id, |_| ok("", "{}")).await;
        let url = format!("https://cloud.test:{port}/");
        for (address, refused) in
            [("127.0.0.1", false), ("169.254.169.254", true), ("64:ff9b:1::a9fe:a9fe", true)]
        {
            let (client, _) =
                client_with_answers(&id.root, ClientOptions::default(), move |_| vec![address]);
            let probe = get(&client, &url).await;
            let found = probe.failure().map(|failure| failure.kind.clone());
            assert_eq!(found, refused.then_some(FailureKind::AddressRefused), "{address}");
        }
    });
}

#[test]
fn empty_lookup_is_repeated() {
    run(async {
        let id = identity(&["idp.test"], |_| {});
        let port = serve(&id, |_| ok("", "{}")).await;
        let (client, asked) =
            client_with_answers(&id.root, guarded(true, false), |number| match number {
                0 => vec![],
                1 => vec!["169.254.169.254"],
                _ => vec!["127.0.0.1"],
            });
        let url = format!("https://idp.test:{port}/");
        assert_eq!(kind(&client, &url).await, FailureKind::Connect { refused: false });
        // The first non-empty answer is kept, even if a later one would be permitted.
        for _ in 0..2 {
            assert_eq!(kind(&client, &url).await, FailureKind::AddressRefused);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn name_without_addresses_fails_lookup() {
    run(async {
        let root = identity(NAMES, |_| {}).root;
        let (client, _) = client_with_answers(&root, guarded(false, false), |_| vec![]);
        let probe = get(&client, "https://idp.test/").await;
        let failure = probe.failure().unwrap();
        assert_eq!(
            (&failure.kind, failure.attempts),
            (&FailureKind::Connect { refused: false }, 1),
            "{probe:?}"
        );
    });
}

/// The system's resolver hangs in a thread that nothing can interrupt.
#[test]
fn hanging_lookup_ends_in_time() {
    let root = identity(NAMES, |_| {}).root;
    let hangs: guard::Lookup = Arc::new(|_| {
        Box::pin(async {
            let asleep = || std::thread::sleep(Duration::from_secs(60));
            tokio::task::spawn_blocking(asleep).await?;
            Ok(Vec::new())
        })
    });
    let begun = std::time::Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let probe = runtime.block_on(async {
        let deadline = Instant::now() + Duration::from_millis(300);
        let options = ClientOptions { deadline: Some(deadline), ..guarded(false, false) };
        let client = client_with_lookup(&root, options, hangs);
        client.get("https://idp.test/", &[], &Scrubber::default(), deadline).await
    });
    runtime.shutdown_background();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let failure = probe.failure().unwrap();
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert!(failure.detail.starts_with("the name was not resolved"), "{}", failure.detail);
}

/// An address that drops connection attempts: a listener with a full queue.
#[cfg(target_os = "linux")]
fn black_hole(port: u16) -> (std::os::fd::OwnedFd, Vec<std::net::TcpStream>) {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
    let address: SocketAddr = format!("127.0.0.2:{port}").parse().unwrap();
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &address).unwrap();
    listen(&socket, 0).unwrap();
    let limit = Duration::from_millis(200);
    let connect = || std::net::TcpStream::connect_timeout(&address, limit).ok();
    let waiting: Vec<_> = std::iter::from_fn(connect).take(16).collect();
    assert!(waiting.len() < 16, "the queue has no end");
    (socket, waiting)
}

#[cfg(target_os = "linux")]
#[test]
fn silent_address_leaves_time_for_next() {
    run(async {
        let id = identity(&["idp.test"], |_| {});
        let port = serve(&id, |_| ok("", "{}")).await;
        let _hole = black_hole(port);
        let deadline = Instant::now() + Duration::from_secs(4);
        let options = ClientOptions { deadline: Some(deadline), ..guarded(true, false) };
        let (client, _) =
            client_with_answers(&id.root, options, |_| vec!["127.0.0.2", "127.0.0.1"]);
        let url = format!("https://idp.test:{port}/");
        let probe = client.get(&url, &[], &Scrubber::default(), deadline).await;
        assert!(probe.answer().is_some(), "{probe:?}");
        assert!(probe.elapsed_ms() > 1_000, "the first was waited for: {probe:?}");
    });
}
