//! seam: written by the arm work package
//!
//! From template and parameters to resources: binding, copies, conditions, ids, dependencies.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::expression::Runtime;
use super::{AzureError, Resource, ResourceId, Template};

/// Parameter values by name (plain values: the `{"value": ...}` wrapper is taken off).
pub type Parameters = BTreeMap<String, Value>;

/// Where a template is deployed: what `subscription()`, `resourceGroup()` and `deployment()` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The subscription's id, a GUID.
    pub subscription_id: String,
    /// The tenant's id, a GUID.
    pub tenant_id: String,
    /// The resource group's name.
    pub resource_group: String,
    /// The resource group's location.
    pub location: String,
    /// The deployment's name.
    pub deployment: String,
}

/// A template bound to parameters and a scope: every name, id, condition and dependency is known;
/// properties are still to be evaluated.
#[derive(Debug, Clone)]
pub struct Bound {
    // fields: the arm work package's
}

/// A resource of a bound template.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The id.
    pub id: ResourceId,
    /// The full type.
    pub resource_type: String,
    /// The full name.
    pub name: String,
    /// The API version.
    pub api_version: String,
    /// Explicit and implicit dependencies within the deployment.
    pub depends_on: Vec<ResourceId>,
}

/// Binds parameters and works out every resource's identity and order (steps 1 to 5 of a deployment).
///
/// # Errors
/// `InvalidTemplate` as Azure words it: an undeclared or missing parameter, a cycle, a dependency that
/// is not in the template, a function that may not stand there ...
pub fn bind(
    _template: &Template,
    _parameters: &Parameters,
    _scope: &Scope,
) -> Result<Bound, AzureError> {
    unimplemented!("seam")
}

impl Bound {
    /// The resources to deploy, in an order that respects their dependencies.
    #[must_use]
    pub fn resources(&self) -> &[Planned] {
        unimplemented!("seam")
    }

    /// Evaluates one resource just before it is deployed; `index` is its place in [`Bound::resources`].
    ///
    /// # Errors
    /// As Azure words them, for example a property that a reference does not have.
    pub fn evaluate(&self, _index: usize, _runtime: &dyn Runtime) -> Result<Resource, AzureError> {
        unimplemented!("seam")
    }

    /// Evaluates the outputs after the deployment: `{name: {"type", "value"}}`.
    ///
    /// # Errors
    /// As [`Bound::evaluate`].
    pub fn outputs(&self, _runtime: &dyn Runtime) -> Result<Map<String, Value>, AzureError> {
        unimplemented!("seam")
    }

    /// The parameters as a deployment shows them: `{name: {"type": "String", "value"}}`, defaults
    /// filled in, secure values left out.
    #[must_use]
    pub fn parameters(&self) -> Map<String, Value> {
        unimplemented!("seam")
    }
}

/// A template evaluated as far as it can be without a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Expansion {
    /// The resources, in an order that respects their dependencies. A value that only a deployment
    /// can tell keeps its expression text.
    pub resources: Vec<Resource>,
    /// Where a value is unknown until deployed.
    pub unknown: Vec<Unknown>,
}

/// A value that is unknown until deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The resource.
    pub resource: ResourceId,
    /// The path in its body, for example `properties.principalId`.
    pub path: String,
}

/// Evaluates a template as far as it can be without a deployment.
///
/// # Errors
/// As [`bind`] and [`Bound::evaluate`].
pub fn expand(
    _template: &Template,
    _parameters: &Parameters,
    _scope: &Scope,
) -> Result<Expansion, AzureError> {
    unimplemented!("seam")
}
