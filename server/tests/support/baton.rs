//! Starts, kills and calls the real binary.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

pub const TOKEN: &str = "crash-test-token-0123456789abcdef";

/// How to start the server; it can be started again and again on the same database.
pub struct Baton {
    pub database_url: String,
    pub port: u16,
    pub log: PathBuf,
    pub extra_env: Vec<(String, String)>,
    child: Option<Child>,
    http: reqwest::Client,
}

impl Baton {
    pub fn new(database_url: String, log: PathBuf) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        Self { database_url, port, log, extra_env: Vec::new(), child: None, http }
    }

    /// Starts the process without waiting for it.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_baton"))
            .arg("serve")
            .env("BATON_DATABASE_URL", &self.database_url)
            .env("BATON_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("BATON_ADMIN_TOKEN", TOKEN)
            .env("BATON_ALLOW_PRIVATE_DESTINATIONS", "true")
            .envs(self.extra_env.iter().cloned())
            .current_dir(self.log.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    pub async fn start(&mut self) {
        self.spawn();
        self.until_ready(Duration::from_secs(60)).await;
    }

    pub async fn until_ready(&mut self, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            if let Ok(answer) = self.request(reqwest::Method::GET, "/readyz", None).await
                && answer.0 == 200
            {
                return;
            }
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
                panic!("baton ended with {status}; its log:\n{}", self.tail());
            }
            assert!(Instant::now() < deadline, "baton is not ready; its log:\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL, at once.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGSTOP: it stands still wherever it is, with its connections open.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// A call under `/api/v1`, which has to succeed.
    pub async fn api(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.request(method, &format!("/api/v1{path}"), Some((&body, &[]))).await.unwrap();
        assert!((200..300).contains(&status), "{path} answered {status}: {answer}");
        answer
    }

    /// Status and body of any call.
    pub async fn request(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<(&Value, &[(&str, &str)])>,
    ) -> reqwest::Result<(u16, Value)> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut request = self.http.request(method, url).bearer_auth(TOKEN);
        if let Some((body, headers)) = body {
            if !body.is_null() {
                request = request.json(body);
            }
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}

impl Drop for Baton {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
