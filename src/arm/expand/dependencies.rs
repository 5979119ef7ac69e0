//! Which resource waits for which: `dependsOn`, references, serial loops; and an order that respects it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde_json::Value;

use super::document::Document;
use super::env::Env;
use super::index::{Index, undefined};
use super::instances::Instance;
use super::walk::Walk;
use super::{invalid, refuse};
use crate::arm::expression::{Call, Expression, Fault, Head, Step, parse};
use crate::arm::{AzureError, ResourceId};

/// For each instance, the instances that it waits for, without repetition: those of `dependsOn` first,
/// then the referenced ones, then the batch before its own. What is not deployed waits for nothing, and
/// nothing waits for it.
pub(super) fn resolve(index: &Index, document: &Document) -> Result<Vec<Vec<usize>>, AzureError> {
    let mut all = Vec::with_capacity(index.instances.len());
    for instance in &index.instances {
        let mut edges = Vec::new();
        if instance.deployed {
            explicit(instance, index, document, &mut edges)?;
            implicit(instance, index, document, &mut edges)?;
            serial(instance, index, &mut edges);
        }
        let mut unique = Vec::new();
        for edge in edges {
            if index.instances[edge].deployed && !unique.contains(&edge) {
                unique.push(edge);
            }
        }
        all.push(unique);
    }
    Ok(all)
}

fn explicit(
    instance: &Instance,
    index: &Index,
    document: &Document,
    edges: &mut Vec<usize>,
) -> Result<(), AzureError> {
    let env = Env::of(document).in_loops(&instance.loops);
    let path = format!("{}.dependsOn", instance.path);
    for text in &instance.depends_on {
        let target = env
            .text(text)
            .map_err(|fault| refuse(fault, &format!("resource '{}'", instance.name), &path))?;
        let named = index.named(&target);
        if named.is_empty() && !is_empty_loop(&target, document) {
            return Err(invalid(undefined(&short(&target)), &path));
        }
        edges.extend(named);
    }
    Ok(())
}

/// Whether the name is that of a loop of no rounds, which nothing has to wait for.
fn is_empty_loop(name: &str, document: &Document) -> bool {
    let env = Env::of(document);
    document.template.resources.iter().any(|resource| {
        let copy = resource.body.get("copy").and_then(Value::as_object);
        let own = copy.and_then(|copy| crate::arm::resource::get(copy, "name"));
        own.and_then(Value::as_str)
            .and_then(|own| env.text(own).ok())
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    })
}

/// A resource as Azure's messages name it: its type and name.
fn short(target: &str) -> String {
    match ResourceId::parse(target) {
        Ok(id) => id.key().path(),
        Err(_) => target.to_owned(),
    }
}

/// The resources that the instance's body refers to.
fn implicit(
    instance: &Instance,
    index: &Index,
    document: &Document,
    edges: &mut Vec<usize>,
) -> Result<(), AzureError> {
    let env = Env::of(document).in_loops(&instance.loops);
    let mut leaf = |text: &str, env: &Env<'_>, _path: &str| {
        let tree = parse(text)?;
        references(&tree, env, index, edges)?;
        // The walk wants a value; a name that is an expression needs a string.
        Ok(Value::from(text))
    };
    for (member, value) in instance.body_members() {
        let mut walk = Walk::new(member, &mut leaf);
        if let Err(fault) = walk.value(value, &env) {
            let path = format!("{}.{}", instance.path, walk.path());
            return Err(refuse(
                fault,
                &format!("resource '{}'", instance.name),
                &path,
            ));
        }
    }
    Ok(())
}

/// Collects the targets of `reference()` and `list*()` in an expression.
fn references(
    tree: &Expression,
    env: &Env<'_>,
    index: &Index,
    edges: &mut Vec<usize>,
) -> Result<(), Fault> {
    if let Head::Call(call) = &tree.head {
        for argument in taken(call, env) {
            references(argument, env, index, edges)?;
        }
        if call.is_runtime() {
            target(call, env, index, edges)?;
        }
    }
    for step in &tree.steps {
        if let Step::Index(inner) = step {
            references(inner, env, index, edges)?;
        }
    }
    Ok(())
}

/// The arguments that are evaluated: of an `if()` whose condition is known, one branch only.
fn taken<'a>(call: &'a Call, env: &Env<'_>) -> &'a [Expression] {
    let [condition, _, _] = call.arguments.as_slice() else {
        return &call.arguments;
    };
    if !call.is("if") {
        return &call.arguments;
    }
    match env.tree(condition) {
        Ok(Value::Bool(true)) => &call.arguments[1..2],
        Ok(Value::Bool(false)) => &call.arguments[2..3],
        _ => &call.arguments,
    }
}

fn target(call: &Call, env: &Env<'_>, index: &Index, edges: &mut Vec<usize>) -> Result<(), Fault> {
    let Some(first) = call.arguments.first() else {
        return Ok(());
    };
    // A target that cannot be told yet, or that lies in a branch which is never evaluated, gives no
    // edge; if it is wrong, evaluation says so.
    let Ok(Value::String(text)) = env.tree(first) else {
        return Ok(());
    };
    let named = index.named(&text);
    if named.is_empty() {
        if ResourceId::parse(&text).is_err() {
            return Err(Fault::Invalid(undefined(&text)));
        }
        if call.arguments.len() < 2 {
            return Err(Fault::Invalid(format!(
                "The template reference to '{text}' requires an API version, because the resource is not defined in the template"
            )));
        }
    }
    edges.extend(named);
    Ok(())
}

/// The batch before the instance's own, in a serial loop.
fn serial(instance: &Instance, index: &Index, edges: &mut Vec<usize>) {
    let (Some(size), Some(own)) = (instance.batch, instance.loops.last()) else {
        return;
    };
    let before = own.index / size - 1;
    for (place, other) in index.instances.iter().enumerate() {
        let round = other.loops.last().filter(|round| round.name == own.name);
        if other.path == instance.path && round.is_some_and(|round| round.index / size == before) {
            edges.push(place);
        }
    }
}

/// The instances that are deployed, in an order that respects the dependencies; of two that could go
/// next, the one that comes first in the template does.
pub(super) fn order(index: &Index, dependencies: &[Vec<usize>]) -> Result<Vec<usize>, AzureError> {
    let mut waiting_for = dependencies.iter().map(Vec::len).collect::<Vec<_>>();
    let mut dependants = vec![Vec::new(); dependencies.len()];
    for (place, edges) in dependencies.iter().enumerate() {
        for &edge in edges {
            dependants[edge].push(place);
        }
    }
    let deployed = |place: &usize| index.instances[*place].deployed;
    let mut ready = (0..dependencies.len())
        .filter(deployed)
        .filter(|place| waiting_for[*place] == 0)
        .map(Reverse)
        .collect::<BinaryHeap<_>>();
    let mut order = Vec::new();
    while let Some(Reverse(place)) = ready.pop() {
        order.push(place);
        for &dependant in &dependants[place] {
            waiting_for[dependant] -= 1;
            if waiting_for[dependant] == 0 {
                ready.push(Reverse(dependant));
            }
        }
    }
    let stuck = (0..dependencies.len())
        .filter(deployed)
        .find(|place| waiting_for[*place] > 0);
    match stuck {
        None => Ok(order),
        Some(start) => {
            let on_cycle = on_cycle(start, dependencies, &waiting_for);
            let instance = &index.instances[on_cycle];
            Err(invalid(
                format!(
                    "Circular dependency detected on resource: '{}'. Please see https://aka.ms/arm-syntax-resources for usage details.",
                    instance.id
                ),
                &instance.path,
            ))
        }
    }
}

/// Follows what waits from a resource that waits for ever, until the way comes back to itself.
fn on_cycle(start: usize, dependencies: &[Vec<usize>], waiting_for: &[usize]) -> usize {
    let mut seen = Vec::new();
    let mut place = start;
    while !seen.contains(&place) {
        seen.push(place);
        let next = dependencies[place]
            .iter()
            .find(|next| waiting_for[**next] > 0);
        place = *next.unwrap_or(&start);
    }
    place
}
