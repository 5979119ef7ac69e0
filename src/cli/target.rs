//! Where a run goes: Azure, or the local Azure with its fabric.

use std::sync::Arc;

use crate::client::{self, Client, StaticToken, TransportKind};
#[cfg(feature = "local")]
use crate::emulator::{Emulator, ModelFabric, fabric::Fabric};
#[cfg(all(feature = "local", target_os = "linux"))]
use crate::lab::Lab;
use crate::runner::{Settle, Target};
use crate::verdict::event::error_chain;
use crate::verdict::event::{FabricName, TargetName};

use super::run::Arguments;
use super::{NOT_JUDGED, WRONG_INPUT, tell};

/// Where an experiment is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum TargetChoice {
    /// The embedded local Azure
    #[default]
    Local,
    /// Azure
    Azure,
}

/// What the local Azure's network is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum FabricChoice {
    /// The lab where the host allows it, else the model
    #[default]
    Auto,
    /// Linux namespaces and real packets
    Lab,
    /// A model: no packets are sent
    Model,
}

/// Why a target cannot be had.
pub(super) struct Unavailable {
    message: String,
    code: u8,
}

impl Unavailable {
    fn not_judged(message: String) -> Unavailable {
        Unavailable {
            message,
            code: NOT_JUDGED,
        }
    }

    /// Tells why, and gives the exit code.
    pub(super) fn tell(&self) -> u8 {
        tell(&format!("error: {}", self.message));
        self.code
    }
}

/// A target that is chosen but does not stand yet.
pub(super) enum Prepared {
    /// The local Azure on a fabric.
    #[cfg(feature = "local")]
    Local {
        /// The fabric.
        fabric: Arc<dyn Fabric>,
        /// What the reader of a report must know of it.
        notes: Vec<String>,
    },
    /// Azure.
    #[cfg(feature = "azure")]
    Azure {
        /// The subscription.
        subscription: String,
        /// The one credential to use.
        auth: Option<client::AuthSource>,
    },
}

/// Chooses the target; the lab's helper is forked off here.
pub(super) fn prepare(arguments: &Arguments) -> Result<Prepared, Unavailable> {
    match arguments.target {
        TargetChoice::Local => prepare_local(arguments.fabric),
        TargetChoice::Azure => prepare_azure(arguments),
    }
}

#[cfg(not(feature = "local"))]
fn prepare_local(_: FabricChoice) -> Result<Prepared, Unavailable> {
    Err(Unavailable {
        message: "this build has no local Azure (feature `local`)".to_owned(),
        code: WRONG_INPUT,
    })
}

#[cfg(feature = "local")]
fn prepare_local(choice: FabricChoice) -> Result<Prepared, Unavailable> {
    let model = |notes| Prepared::Local {
        fabric: Arc::new(ModelFabric::new()),
        notes,
    };
    if choice == FabricChoice::Model {
        return Ok(model(Vec::new()));
    }
    match start_lab() {
        Ok(lab) => Ok(Prepared::Local {
            fabric: lab,
            notes: Vec::new(),
        }),
        Err(NoLab { reason, help }) if choice == FabricChoice::Auto => {
            tell(&format!(
                "warning: the lab cannot run here, so the network is a model: {reason}\nhelp: {help}"
            ));
            Ok(model(vec![
                format!("the lab cannot run here: {reason}"),
                format!("for the lab: {help}"),
            ]))
        }
        Err(NoLab { reason, help }) => Err(Unavailable::not_judged(format!(
            "the lab cannot run here: {reason}\nhelp: {help}"
        ))),
    }
}

/// Why there is no lab, and what would help.
#[cfg(feature = "local")]
struct NoLab {
    reason: String,
    help: String,
}

#[cfg(all(feature = "local", target_os = "linux"))]
fn start_lab() -> Result<Arc<dyn Fabric>, NoLab> {
    match Lab::start() {
        Ok(lab) => Ok(Arc::new(lab)),
        Err(error) => Err(NoLab {
            reason: error_chain(&error),
            help: error.remedy,
        }),
    }
}

#[cfg(all(feature = "local", not(target_os = "linux")))]
fn start_lab() -> Result<Arc<dyn Fabric>, NoLab> {
    let reason = "the lab needs Linux".to_owned();
    Err(NoLab {
        reason,
        help: "WSL2 or a Linux virtual machine carries it".to_owned(),
    })
}

#[cfg(not(feature = "azure"))]
fn prepare_azure(_: &Arguments) -> Result<Prepared, Unavailable> {
    Err(Unavailable {
        message: "this build cannot reach Azure (feature `azure`)".to_owned(),
        code: WRONG_INPUT,
    })
}

#[cfg(feature = "azure")]
fn prepare_azure(arguments: &Arguments) -> Result<Prepared, Unavailable> {
    let subscription = arguments.subscription.clone().ok_or_else(|| Unavailable {
        message:
            "`--target azure` needs a subscription: `--subscription ID` or AZURE_SUBSCRIPTION_ID"
                .to_owned(),
        code: WRONG_INPUT,
    })?;
    Ok(Prepared::Azure {
        subscription,
        auth: arguments.auth,
    })
}

impl Prepared {
    /// Starts the target: the emulator's server, or the client for Azure.
    pub(super) async fn start(self) -> Result<(Target, Option<Running>), Unavailable> {
        match self {
            #[cfg(feature = "local")]
            Prepared::Local { fabric, notes } => start_local(fabric, notes).await,
            #[cfg(feature = "azure")]
            Prepared::Azure { subscription, auth } => start_azure(subscription, auth),
        }
    }
}

/// The server of a local target, to be shut down at the end.
#[cfg(feature = "local")]
pub(super) type Running = Emulator;
#[cfg(not(feature = "local"))]
pub(super) enum Running {}
#[cfg(not(feature = "local"))]
impl Running {
    pub(super) async fn shutdown(self) {
        match self {}
    }
}

#[cfg(feature = "local")]
async fn start_local(
    fabric: Arc<dyn Fabric>,
    notes: Vec<String>,
) -> Result<(Target, Option<Running>), Unavailable> {
    let failed = |error: &dyn std::error::Error| {
        Unavailable::not_judged(format!(
            "cannot start the local Azure: {}",
            error_chain(error)
        ))
    };
    let name: FabricName = fabric.name();
    let emulator = Emulator::start(fabric)
        .await
        .map_err(|error| failed(&error))?;
    let base_url = emulator
        .base_url()
        .parse()
        .map_err(|error: url::ParseError| failed(&error))?;
    let client = Client::new(client::Target {
        base_url,
        subscription: emulator.subscription().to_owned(),
        scope: format!("{}/.default", emulator.base_url()),
        credential: Arc::new(StaticToken::new(emulator.token())),
        transport: TransportKind::Loopback,
    })
    .map_err(|error| failed(&error))?;
    let target = Target {
        client,
        name: TargetName::Local,
        fabric: name,
        subscription: emulator.subscription().to_owned(),
        tenant: emulator.tenant().to_owned(),
        default_location: Some("eastus".to_owned()),
        settle: Settle::LOCAL,
        notes,
    };
    Ok((target, Some(emulator)))
}

#[cfg(feature = "azure")]
fn start_azure(
    subscription: String,
    auth: Option<client::AuthSource>,
) -> Result<(Target, Option<Running>), Unavailable> {
    /// The Resource Manager endpoint of the public cloud.
    const PUBLIC_CLOUD: &str = "https://management.azure.com";
    let failed = |error: &dyn std::error::Error| {
        Unavailable::not_judged(format!("cannot reach Azure: {}", error_chain(error)))
    };
    let credential = client::Chain::from_environment(auth).map_err(|error| failed(&error))?;
    let client = Client::new(client::Target {
        base_url: PUBLIC_CLOUD
            .parse()
            .map_err(|error: url::ParseError| failed(&error))?,
        subscription: subscription.clone(),
        scope: format!("{PUBLIC_CLOUD}/.default"),
        credential: Arc::new(credential),
        transport: TransportKind::Cloud,
    })
    .map_err(|error| failed(&error))?;
    let target = Target {
        client,
        name: TargetName::Azure,
        fabric: FabricName::Azure,
        subscription,
        tenant: uuid::Uuid::nil().to_string(),
        default_location: None,
        settle: Settle::AZURE,
        notes: Vec::new(),
    };
    Ok((target, None))
}
