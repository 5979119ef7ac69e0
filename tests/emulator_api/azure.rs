//! A client of the local Azure that hides nothing: status, headers and body of every answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use vnetlab::emulator::fabric::Fabric;
use vnetlab::emulator::{Emulator, ModelFabric};

pub(crate) struct Azure {
    pub(crate) emulator: Emulator,
    http: reqwest::Client,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl Azure {
    pub(crate) async fn start() -> Azure {
        Azure::over(Arc::new(ModelFabric::new())).await
    }

    pub(crate) async fn over(fabric: Arc<dyn Fabric>) -> Azure {
        // reqwest is built without a default provider; one per process suffices.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let emulator = Emulator::start(fabric).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Azure { emulator, http }
    }

    /// The path of something in resource group `g`.
    pub(crate) fn in_group(&self, rest: &str) -> String {
        let subscription = self.emulator.subscription();
        format!("/subscriptions/{subscription}/resourceGroups/g{rest}")
    }

    pub(crate) fn provider(&self, rest: &str) -> String {
        self.in_group(&format!("/providers/{rest}"))
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self.http.request(method, url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let bytes = response.bytes().await.unwrap();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)))
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    async fn arm(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = if path.starts_with("http://") {
            path.to_owned()
        } else {
            format!("{}{path}?api-version=2024-05-01", self.emulator.base_url())
        };
        self.send(method, &url, Some(self.emulator.token()), body)
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.arm(Method::GET, path, None).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.arm(Method::HEAD, path, None).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.arm(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.arm(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> Answer {
        self.arm(Method::POST, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.arm(Method::DELETE, path, None).await
    }

    /// Polls `Azure-AsyncOperation` until it is terminal; the last body.
    pub(crate) async fn settled(&self, answer: &Answer) -> Value {
        let url = answer
            .header("azure-asyncoperation")
            .expect("an operation to poll");
        loop {
            let poll = self.get(url).await.expect(200);
            match poll.body["status"].as_str() {
                Some("Succeeded" | "Failed" | "Canceled") => return poll.body,
                Some(_) => assert!(poll.header("retry-after-ms").is_some()),
                None => panic!("no status in {}", poll.body),
            }
        }
    }

    /// Polls `Location` until it is not 202; the last answer.
    pub(crate) async fn located(&self, answer: &Answer) -> Answer {
        let mut url = answer.header("location").expect("a location").to_owned();
        loop {
            let poll = self.get(&url).await;
            if poll.status != 202 {
                return poll;
            }
            url = poll
                .header("location")
                .expect("the next location")
                .to_owned();
        }
    }

    pub(crate) async fn with_group() -> Azure {
        Azure::start().await.and_group().await
    }

    /// Makes the resource group `g`.
    pub(crate) async fn and_group(self) -> Azure {
        let azure = self;
        let path = azure.in_group("");
        azure
            .put(&path, json!({ "location": "eastus" }))
            .await
            .expect(201);
        azure
    }

    /// PUTs a resource and waits until it is there.
    pub(crate) async fn create(&self, path: &str, body: Value) -> Value {
        let answer = self.put(path, body).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
        if answer.header("azure-asyncoperation").is_some() {
            assert_eq!(self.settled(&answer).await["status"], "Succeeded");
        }
        self.get(path).await.expect(200).body
    }
}

/// The agent's image.
pub(crate) const AGENT: &str = vnetlab::probe::AGENT_IMAGE;

/// A container group that serves on port 80.
pub(crate) fn web(subnet: &str) -> Value {
    json!({
        "location": "eastus",
        "properties": {
            "osType": "Linux",
            "subnetIds": [{ "id": subnet }],
            "ipAddress": { "type": "Private", "ports": [{ "port": "80", "protocol": "TCP" }] },
            "containers": [{
                "name": "web-80",
                "properties": {
                    "image": AGENT,
                    "command": ["/agnhost", "netexec", "--http-port=80"],
                    "ports": [{ "port": 80, "protocol": "TCP" }],
                    "resources": { "requests": { "cpu": "1", "memoryInGB": 1 } },
                },
            }],
        },
    })
}

/// A virtual network with a subnet `aci` for container groups and a subnet `aks`.
pub(crate) fn network() -> Value {
    json!({
        "location": "eastus",
        "properties": {
            "addressSpace": { "addressPrefixes": ["172.16.0.0/16"] },
            "subnets": [
                { "name": "aks", "properties": { "addressPrefix": "172.16.0.0/20" } },
                {
                    "name": "aci",
                    "properties": {
                        "addressPrefix": "172.16.32.0/20",
                        "delegations": [{
                            "name": "aci",
                            "properties": { "serviceName": "Microsoft.ContainerInstance/containerGroups" },
                        }],
                    },
                },
            ],
        },
    })
}
