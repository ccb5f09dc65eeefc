//! The gateways: each started with its configuration from the page, in which addresses alone are replaced. Traefik has no
//! package; its contract is played here.

use super::page;
use super::raw::Request;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use end_to_end::harness::{Process, environment, eventually};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

pub(super) const ALL: [&str; 6] = ["nginx", "Caddy", "HAProxy", "Apache", "Envoy", "Traefik"];

/// Where everybody is, by port.
#[derive(Clone, Copy)]
pub(super) struct Addresses {
    pub(super) issuer: u16,
    pub(super) shop: u16,
    pub(super) api: u16,
    pub(super) gateway: u16,
}

impl Addresses {
    fn put_into(self, text: &str) -> String {
        let pairs = [(8080, self.issuer), (3001, self.shop), (3002, self.api)];
        let text = pairs.iter().fold(text.to_owned(), |text, (written, port)| {
            let address = |port: &u16| format!("127.0.0.1:{port}");
            let value = |port: &u16| format!("port_value: {port}");
            text.replace(&address(written), &address(port)).replace(&value(written), &value(port))
        });
        format!("{}\n", text.replace("8000", &self.gateway.to_string()))
    }
}

/// A gateway that answers.
pub(super) struct Front {
    pub(super) name: &'static str,
    pub(super) port: u16,
    _process: Option<Process>,
}

impl Front {
    pub(super) async fn start(name: &'static str, folder: &Path, addresses: Addresses) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let port = addresses.gateway;
        if name == "Traefik" {
            traefik(addresses).await;
            return Self { name, port, _process: None };
        }
        let blocks: Vec<String> =
            page(name).into_iter().map(|(_, text)| addresses.put_into(text)).collect();
        let write =
            |file: &str, text: &str| std::fs::write(folder.join(file), text).expect("a file");
        let mut command = match name {
            "nginx" => {
                write("countersign.conf", &blocks[1]);
                write("countersign-ask.conf", &blocks[2]);
                write("nginx.conf", &nginx(folder, &blocks[0]));
                program("nginx", &["-p", ".", "-c", "nginx.conf"])
            }
            "Caddy" => {
                write(
                    "Caddyfile",
                    &format!("{{\n\tadmin off\n\tauto_https off\n}}\n{}", blocks[0]),
                );
                program("caddy", &["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
            }
            "HAProxy" => {
                write("haproxy.cfg", &blocks[0]);
                write("countersign.lua", &blocks[1]);
                program("haproxy", &["-f", "haproxy.cfg"])
            }
            "Apache" => {
                write("httpd.conf", &apache(folder, &blocks[0]));
                write("countersign.lua", &blocks[1]);
                let file = folder.join("httpd.conf").display().to_string();
                program("apache2", &["-f", &file, "-DFOREGROUND"])
            }
            _ => {
                write("envoy.yaml", &blocks[0]);
                let mut command = Command::new(environment::python_program("envoy"));
                command.args(["--config-path", "envoy.yaml", "--concurrency", "1"]);
                command.args(["--disable-hot-restart", "--log-level", "warning"]);
                command
            }
        };
        command.current_dir(folder).env("HOME", folder).env("XDG_DATA_HOME", folder);
        let mut process = Process::start(command, folder.join("output"));
        eventually("the gateway answers", Duration::from_secs(30), || {
            assert!(process.ended().is_none(), "{name} ended:\n{}", process.output());
            async move {
                TcpStream::connect(("127.0.0.1", port)).await.ok()?;
                let answer = Request::get("shop.example", "/").send(port).await;
                (answer.status == 401).then_some(())
            }
        })
        .await;
        Self { name, port, _process: Some(process) }
    }
}

fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    // Debian keeps servers where the path of a user does not lead.
    command.args(arguments).env("PATH", "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin");
    command
}

/// What stands around the page's part in the file of a whole server.
fn nginx(folder: &Path, servers: &str) -> String {
    let folder = folder.display();
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{servers}}}\n"
    )
}

fn apache(folder: &Path, hosts: &str) -> String {
    let folder = folder.display();
    let modules = ["mpm_event", "authz_core", "setenvif", "alias", "proxy", "proxy_http", "lua"];
    let modules =
        modules.map(|m| format!("LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n"));
    format!(
        "ServerRoot {folder}\nServerName gateway.invalid\nPidFile {folder}/pid\nErrorLog /dev/stderr\n\
         DefaultRuntimeDir {folder}\n{}{hosts}",
        modules.concat()
    )
}

/// What Traefik does by its documentation: asks with headers of its own, hands on the answer unless it is 2xx, and replaces
/// what it is told to copy.
async fn traefik(addresses: Addresses) {
    let told: Vec<HeaderName> = page("Traefik")
        .first()
        .and_then(|(_, text)| text.split_once("authResponseHeaders: ["))
        .map(|(_, list)| list.split(']').next().unwrap_or_default())
        .expect("the list of headers")
        .split(", ")
        .map(|name| name.trim_matches('"').parse().expect("a header"))
        .collect();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("an HTTP client");
    let socket = TcpListener::bind(("127.0.0.1", addresses.gateway)).await.expect("the port");
    let state = Arc::new((http, addresses, told));
    let router = Router::new().fallback(forward).with_state(state);
    tokio::spawn(async move { axum::serve(socket, router).await });
}

type Traefik = Arc<(reqwest::Client, Addresses, Vec<HeaderName>)>;

async fn forward(State(state): State<Traefik>, request: axum::extract::Request) -> Response {
    let (http, addresses, told) = &*state;
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path();
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default().to_owned();
    // Traefik cleans paths before it chooses a route; it sends on what it cleaned.
    let is_clean = reqwest::Url::parse(&format!("http://host{path}"))
        .is_ok_and(|url| url.path() == path && !path.contains("//") && !path.contains('%'));
    let is_admin = path == "/admin" || path.starts_with("/admin/");
    let (route, port) = match host.as_str() {
        _ if !is_clean => return StatusCode::BAD_REQUEST.into_response(),
        "shop.example" if is_admin => ("shop-admin", addresses.shop),
        "shop.example" => ("shop", addresses.shop),
        "api.example" => ("api", addresses.api),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let uri = parts.uri.path_and_query().map_or("/", |uri| uri.as_str()).to_owned();
    let mut headers = parts.headers.clone();
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    for (name, value) in [
        ("x-forwarded-method", parts.method.as_str()),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", &host),
        ("x-forwarded-uri", &uri),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        headers.insert(name, HeaderValue::try_from(value).expect("a header"));
    }
    let url = format!("http://127.0.0.1:{}/gateway/{route}", addresses.issuer);
    let Ok(answer) = http.get(url).headers(headers).send().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if !answer.status().is_success() {
        let mut response = answer.status().into_response();
        *response.headers_mut() = answer.headers().clone();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(answer.bytes().await.expect("a body"));
        return response;
    }
    for name in told {
        parts.headers.remove(name);
        if let Some(value) = answer.headers().get(name) {
            parts.headers.insert(name.clone(), value.clone());
        }
    }
    // It has dropped headers with underscores since version 3.
    let names: Vec<HeaderName> = parts.headers.keys().cloned().collect();
    for name in names.iter().filter(|name| name.as_str().contains('_')) {
        parts.headers.remove(name);
    }
    parts.headers.remove("countersign-gateway");
    let body = axum::body::to_bytes(body, 4096).await.expect("a body");
    let url = format!("http://127.0.0.1:{port}{uri}");
    let sent = http.request(parts.method, url).headers(parts.headers).body(body).send().await;
    let answer = sent.expect("the service").bytes().await.expect("a body");
    answer.into_response()
}
