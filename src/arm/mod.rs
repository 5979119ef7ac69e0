//! Azure's words: resource ids, resources, the template document, the expression language and its
//! expansion, Azure's refusals, and the messages of the deployments API.
//!
//! Everything here is data and pure functions: no I/O, no clock that a caller does not pass in. Ids,
//! enum values and property names are compared without case, as Azure does.

mod addresses;
mod error;
pub mod expand;
pub mod expression;
mod id;
mod question;
mod resource;
mod template;
pub mod validate;
pub mod views;

pub use addresses::{Addresses, NodeAddress, PodAddress};
pub use error::AzureError;
pub use expand::{Expansion, Moment, Parameters, Scope, expand};
pub use id::{ResourceId, ResourceIdError, ResourceKey};
pub use question::{Destination, FlowState, Forwarder, Listening, Party, Question};
pub use resource::Resource;
pub use template::{Template, TemplateError, TemplateResource};
