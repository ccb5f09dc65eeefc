//! What a sign-in costs when the user has a session already, and what a refresh costs. A code flow is `GET /authorize`,
//! the redirect with the code, and `POST /token`, which answers with access token (ES256), ID token and refresh token;
//! the client is confidential and uses PKCE. A refresh gives the same three again. Server, load and database share both
//! cores; the database writes to the disk before it confirms.

use crate::connection::{Connection, field, request};
use crate::figure::{Figure, median};
use end_to_end::harness::{Deployment, Node, Person, WebClient};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const WINDOWS: usize = 5;
const WINDOW: Duration = Duration::from_secs(4);
/// The bars are set for so many.
const CONNECTIONS: usize = 64;
/// Each is used by several connections.
const USERS: usize = 8;

/// What is repeated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    CodeFlow,
    Refresh,
}

impl Act {
    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::CodeFlow => "code-flow",
            Self::Refresh => "refresh",
        }
    }

    fn bar(self) -> f64 {
        match self {
            Self::CodeFlow => 1_500.0,
            Self::Refresh => 2_000.0,
        }
    }
}

/// One connection: its browser's cookie, and requests that are ready but for what changes.
struct Worker {
    connection: Connection,
    authorize: Vec<u8>,
    redeem: (String, String),
    refresh: (String, String),
    refresh_token: String,
}

impl Worker {
    async fn new(node: &Node, web: &WebClient, cookie: &str) -> Self {
        let line = format!("GET {}", web.authorize_path());
        let mark = "0x0x0";
        let form = |form: Vec<(&str, String)>| {
            let pairs: Vec<String> = form
                .iter()
                .map(|(name, value)| {
                    format!("{name}={}", value.replace(':', "%3A").replace('/', "%2F"))
                })
                .collect();
            let text = pairs.join("&");
            let (before, after) = text.split_once(mark).expect("the mark");
            (before.to_owned(), after.to_owned())
        };
        Self {
            connection: Connection::open(&node.url).await,
            authorize: request(&line, &format!("cookie: {cookie}\r\n"), ""),
            redeem: form(web.redeem_form(mark)),
            refresh: form(web.refresh_form(mark)),
            refresh_token: String::new(),
        }
    }

    async fn act(&mut self, act: Act) {
        match act {
            Act::CodeFlow => self.code_flow().await,
            Act::Refresh => self.refresh().await,
        }
    }

    async fn code_flow(&mut self) {
        let answer = self.connection.exchange(&self.authorize).await;
        assert_eq!(answer.status, 303, "{}{}", answer.head, answer.body);
        let code = field(answer.head, "code=").expect("a code").to_owned();
        let form = format!("{}{code}{}", self.redeem.0, self.redeem.1);
        self.tokens(&form).await;
    }

    async fn refresh(&mut self) {
        let form = format!("{}{}{}", self.refresh.0, self.refresh_token, self.refresh.1);
        self.tokens(&form).await;
    }

    async fn tokens(&mut self, form: &str) {
        let answer = self.connection.exchange(&request("POST /token", "", form)).await;
        assert_eq!(answer.status, 200, "{}{}", answer.head, answer.body);
        assert!(field(answer.body, "\"id_token\":\"").is_some(), "{}", answer.body);
        let token = field(answer.body, "\"refresh_token\":\"").expect("a refresh token");
        token.clone_into(&mut self.refresh_token);
    }
}

/// One window of all workers.
struct Window {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Measures one act with ID tokens of each algorithm, on each database in turn.
pub(crate) async fn measure(act: Act) {
    for algorithm in ["RS256", "ES256"] {
        for (name, deployment) in
            [("SQLite", Deployment::sqlite()), ("PostgreSQL", Deployment::postgres().await)]
        {
            let (node, mut workers) = prepare(&deployment, algorithm).await;
            let mut windows = Vec::new();
            // The first one warms up.
            for _ in 0..=WINDOWS {
                windows.push(window(&mut workers, act).await);
            }
            windows.remove(0);
            let of =
                format!("{}, ID token {algorithm}, {CONNECTIONS} connections, {name}", act.group());
            let of_all = |value: fn(&Window) -> f64| median(windows.iter().map(value).collect());
            let per_second = of_all(|window| window.per_second);
            Figure::new(&of, per_second, "1/s").at_least(act.bar()).print();
            Figure::new(&format!("{of}, p50"), of_all(|window| window.p50_ms), "ms").print();
            Figure::new(&format!("{of}, p99"), of_all(|window| window.p99_ms), "ms").print();
            drop(node);
        }
    }
}

async fn prepare(deployment: &Deployment, algorithm: &str) -> (Node, Vec<Worker>) {
    let node = deployment.start().await;
    let web = deployment.web("web", &["--id-token-alg", algorithm]).await;
    let mut cookies = Vec::new();
    for user in 0..USERS {
        deployment.person(&format!("user{user}")).await;
    }
    node.knows_web(&web).await;
    for user in 0..USERS {
        cookies.push(Person::signed_in(&node, &web, &format!("user{user}")).await.cookie());
    }
    let mut workers = Vec::new();
    for number in 0..CONNECTIONS {
        let mut worker = Worker::new(&node, &web, &cookies[number % USERS]).await;
        worker.code_flow().await;
        workers.push(worker);
    }
    (node, workers)
}

async fn window(workers: &mut Vec<Worker>, act: Act) -> Window {
    let mut running = JoinSet::new();
    let began = Instant::now();
    for mut worker in workers.drain(..) {
        running.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < WINDOW {
                let asked = Instant::now();
                worker.act(act).await;
                latencies.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
            (worker, latencies)
        });
    }
    let mut all = Vec::new();
    for (worker, latencies) in running.join_all().await {
        workers.push(worker);
        all.extend(latencies);
    }
    let seconds = began.elapsed().as_secs_f64();
    all.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let per_second = all.len() as f64 / seconds;
    let at = |hundredths: usize| all[(all.len() - 1) * hundredths / 100];
    Window { per_second, p50_ms: at(50), p99_ms: at(99) }
}
