//! Stands in for `AzureError::parse` and `innermost` until they are merged; inherent methods win over it.

use serde_json::Value;

use crate::arm::AzureError;

pub(super) trait Shim: Sized {
    fn parse(status: u16, body: &str) -> Self;
    fn innermost(&self) -> &Self;
}

impl Shim for AzureError {
    fn parse(status: u16, body: &str) -> AzureError {
        let v: Value = serde_json::from_str(body).unwrap_or_default();
        let e = v.get("error").or(v.get("Error")).unwrap_or(&v);
        fn one(e: &Value, status: u16) -> AzureError {
            let t = |a: &str, b: &str| e.get(a).or(e.get(b)).and_then(Value::as_str);
            AzureError {
                code: t("code", "Code").map_or(status.to_string(), str::to_owned),
                message: t("message", "Message").unwrap_or_default().to_owned(),
                target: t("target", "Target").map(str::to_owned),
                details: e
                    .get("details")
                    .or(e.get("Details"))
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .map(|d| one(d, status))
                    .collect(),
                additional_info: Vec::new(),
            }
        }
        one(e, status)
    }
    fn innermost(&self) -> &AzureError {
        self.details.first().map_or(self, AzureError::innermost)
    }
}
