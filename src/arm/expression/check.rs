//! What Azure refuses in an expression before it evaluates anything: unknown functions, wrong numbers
//! of arguments, parameters and variables that are not declared, functions that may not stand there.
//!
//! Both branches of an `if()` are checked, also those that are never evaluated.

use super::ast::{Call, Expression, Head, Step, is_list};
use super::{Fault, functions};

/// Where an expression stands, which decides what it may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::arm) enum Place {
    /// A parameter's `defaultValue`.
    ParameterDefault,
    /// A variable.
    Variable,
    /// The `output` of a user-defined function.
    UserFunction,
    /// What names a resource: type, name, API version, condition, scope, location, `dependsOn`; the
    /// condition of an output.
    Identity,
    /// The `count` of a copy loop.
    CopyCount,
    /// The rest of a resource.
    Body,
    /// The value of an output.
    Output,
}

/// The names that a template declares.
pub(in crate::arm) trait Names {
    /// Whether the parameter is declared.
    fn has_parameter(&self, name: &str) -> bool;
    /// Whether the variable is declared.
    fn has_variable(&self, name: &str) -> bool;
    /// The number of parameters of a user-defined function.
    fn user_function_arity(&self, namespace: &str, name: &str) -> Option<usize>;
}

/// Checks an expression at its place.
///
/// # Errors
/// The first fault, as Azure words it.
pub(in crate::arm) fn check(
    expression: &Expression,
    place: Place,
    names: &dyn Names,
) -> Result<(), Fault> {
    if let Head::Call(call) = &expression.head {
        check_call(call, place, names)?;
        for argument in &call.arguments {
            check(argument, place, names)?;
        }
    }
    for step in &expression.steps {
        if let Step::Index(index) = step {
            check(index, place, names)?;
        }
    }
    Ok(())
}

fn check_call(call: &Call, place: Place, names: &dyn Names) -> Result<(), Fault> {
    if let Some(namespace) = &call.namespace {
        let full = format!("{namespace}.{}", call.name);
        let arity = names
            .user_function_arity(namespace, &call.name)
            .ok_or_else(|| functions::unknown(&full))?;
        if arity != call.arguments.len() {
            return Err(functions::wrong_arity(
                &full,
                &arity.to_string(),
                call.arguments.len(),
            ));
        }
        return Ok(());
    }
    match functions::find(&call.name) {
        Some(function) => function.check_arity(call.arguments.len())?,
        None if is_list(&call.name) => {}
        None => return Err(functions::unknown(&call.name)),
    }
    if !may_stand(call, place) {
        return Err(Fault::Invalid(format!(
            "The template function '{}' is not expected at this location. Please see https://aka.ms/arm-functions for usage details.",
            call.name
        )));
    }
    let named = call.arguments.first().and_then(Expression::as_text);
    match named {
        Some(name) if call.is("parameters") && !names.has_parameter(name) => {
            Err(parameter_not_found(name))
        }
        Some(name) if call.is("variables") && !names.has_variable(name) => {
            Err(variable_not_found(name))
        }
        _ => Ok(()),
    }
}

fn may_stand(call: &Call, place: Place) -> bool {
    let own_template_only = [
        "resourceGroup",
        "subscription",
        "deployment",
        "tenant",
        "environment",
        "variables",
    ];
    if call.is_runtime() {
        matches!(place, Place::Body | Place::Output)
    } else if call.is("newGuid") || call.is("utcNow") {
        place == Place::ParameterDefault
    } else if call.is("variables") && place == Place::ParameterDefault {
        false
    } else if call.is("copyIndex") {
        !matches!(
            place,
            Place::ParameterDefault | Place::UserFunction | Place::CopyCount
        )
    } else {
        place != Place::UserFunction || !own_template_only.iter().any(|name| call.is(name))
    }
}

/// The error for a parameter that is not declared.
pub(in crate::arm) fn parameter_not_found(name: &str) -> Fault {
    Fault::Invalid(format!(
        "The template parameter '{name}' is not found. Please see https://aka.ms/arm-template/#parameters for usage details."
    ))
}

/// The error for a variable that is not declared.
pub(in crate::arm) fn variable_not_found(name: &str) -> Fault {
    Fault::Invalid(format!(
        "The template variable '{name}' is not found. Please see https://aka.ms/arm-template/#variables for usage details."
    ))
}
