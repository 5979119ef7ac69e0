//! A spec between its text and its types: its files as one tree, and a typed spec for each combination.
//!
//! ```text
//! files --yaml--> trees --include--> one tree --params, matrix--> combinations
//! each combination: tree --when, substitution, with--> tree --decode--> Spec
//! ```
//!
//! Nothing here reads a file: who opens a document says how.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::decode::{self, Decoder};
use super::matrix::{self, Combination, Matrix};
use super::parameters::{self, Parameter, distinct};
use super::place::Place;
use super::settings::Given;
use super::substitution::{Names, Scope, Uses, Variable, substitute};
use super::tree::{Node, Value};
use super::{
    Diagnostic, Name, Secret, Settings, Source, Sources, Span, Spec, codes, include, secret, with,
    yaml,
};

/// The sections that are read before anything is substituted.
const FIXED: [&str; 4] = ["vnetlab", "params", "secrets", "include"];

/// The sections that are the same in every combination: parameters may stand in them, axes may not.
const SHARED: [&str; 4] = ["name", "matrix", "lifecycle", "budget"];

/// A spec with all its files, and what a run says beside it.
#[derive(Debug)]
pub struct Document {
    sources: Sources,
    root: Option<Node>,
    given: Given,
    found: Vec<Diagnostic>,
}

impl Document {
    /// A spec of one file, run as it is.
    #[must_use]
    pub fn new(spec: Source) -> Document {
        Document::open(spec, &Settings::default(), &mut |_| {
            let message = "this spec was given as text, without its files";
            Err(io::Error::new(io::ErrorKind::Unsupported, message))
        })
    }

    /// A spec whose other files `load` reads, by their paths relative to where the spec's own path is.
    /// What is wrong with them is found when the document is read.
    #[must_use]
    pub fn open(
        spec: Source,
        settings: &Settings,
        load: &mut dyn FnMut(&Path) -> io::Result<String>,
    ) -> Document {
        let mut found = Vec::new();
        let mut sources = Sources::new(spec);
        let mut root = sources
            .as_ref()
            .first()
            .and_then(|spec| yaml::read(spec, &mut found));
        if let Some(root) = &mut root {
            include::merge(root, &mut sources, load, &mut found);
        }
        let given = Given::read(settings, &mut sources, &mut found);
        Document {
            sources,
            root,
            given,
            found,
        }
    }

    /// The files, for showing findings.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Reads what the document says of itself; `found` is what is wrong with its files and with that.
    pub(crate) fn declarations(&self, found: &mut Vec<Diagnostic>) -> Option<Declarations<'_>> {
        found.extend(self.found.iter().cloned());
        let mut root = self.root.clone()?;
        decode::check_keys(&mut root, found);
        let none = Scope {
            variables: &[],
            unread: Names::Some(&[]),
            secrets: &BTreeSet::new(),
        };
        let mut uses = Uses::default();
        sections(&mut root, &FIXED, &none, &mut uses, found);

        let mut decoder = Decoder { found };
        let parameters = match root.get("params") {
            Some(node) => decoder.parameters(node),
            None => Vec::new(),
        };
        let secrets = match root.get("secrets") {
            Some(node) => decoder.secrets(node, &self.sources),
            None => BTreeMap::new(),
        };
        // Without its files or its section a parameter may well be there.
        let declared = root.get("include").is_none()
            && root.get("params").is_none_or(|params| !broken(params));
        let values = parameters::values(&parameters, &self.given, declared, found);

        let misnamed = misnamed(&root, &parameters);
        let mut shared = values.clone();
        if let Some(Value::Map(axes)) = root.get("matrix").map(|matrix| &matrix.value) {
            for axis in axes {
                if let Ok(name) = axis.key.text.parse::<Name>() {
                    let why = "an axis is no value that all combinations share";
                    shared.push((name, Variable::Refused(why)));
                }
            }
        }
        let names: BTreeSet<Name> = secrets.keys().cloned().collect();
        let scope = Scope {
            variables: &shared,
            unread: names_of(&root, &misnamed),
            secrets: &names,
        };
        sections(&mut root, &SHARED, &scope, &mut uses, found);
        let mut decoder = Decoder { found };
        let matrix = match root.get("matrix") {
            Some(node) => decoder.matrix(node).unwrap_or_default(),
            None => Matrix::default(),
        };
        let of_parameters = parameters.iter().map(|p| (&p.name, p.key));
        let of_axes = matrix.axes.iter().map(|axis| (&axis.name, axis.key));
        distinct(of_parameters.chain(of_axes), found);
        if root.get("matrix").is_none_or(|matrix| !broken(matrix)) {
            matrix.check_steps(&root, found);
        }
        Some(Declarations {
            document: self,
            root,
            values,
            secrets,
            names,
            misnamed,
            matrix,
            uses,
        })
    }
}

/// The names that may stand for what could not be read: all, where a file is missing.
fn names_of<'n>(root: &Node, misnamed: &'n [String]) -> Names<'n> {
    match root.get("include") {
        Some(_) => Names::All,
        None => Names::Some(misnamed),
    }
}

/// The keys of parameters and axes that cannot be names: what uses them is no second mistake.
fn misnamed(root: &Node, parameters: &[Parameter]) -> Vec<String> {
    let keys = |section: &str| match root.get(section).map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().map(|e| e.key.text.clone()).collect(),
        _ => Vec::new(),
    };
    let read = |key: &String| parameters.iter().any(|p| p.name.as_str() == key);
    let mut names: Vec<String> = keys("params")
        .into_iter()
        .filter(|key| !read(key))
        .collect();
    let axes = keys("matrix").into_iter();
    names.extend(axes.filter(|key| !matches!(key.as_str(), "include" | "exclude")));
    names
}

fn broken(node: &Node) -> bool {
    node.value == Value::Broken
}

/// Substitutes in some sections of a document.
fn sections(
    root: &mut Node,
    names: &[&str],
    scope: &Scope<'_>,
    uses: &mut Uses,
    found: &mut Vec<Diagnostic>,
) {
    let Value::Map(entries) = &mut root.value else {
        return;
    };
    for entry in entries {
        if names.contains(&entry.key.text.as_str()) {
            let place = Place::root().entry(&entry.key.text);
            substitute(&mut entry.value, &place, scope, uses, found);
        }
    }
}

/// What a document says of itself: its variables, its secrets, its matrix.
pub(crate) struct Declarations<'d> {
    document: &'d Document,
    root: Node,
    values: Vec<(Name, Variable)>,
    secrets: BTreeMap<Name, Option<Secret>>,
    names: BTreeSet<Name>,
    /// Keys of `params` and `matrix` that cannot be names.
    misnamed: Vec<String>,
    matrix: Matrix,
    /// What was substituted in the sections that all combinations share.
    uses: Uses,
}

/// What is read of the combinations, one after the other.
#[derive(Default)]
pub(crate) struct Progress {
    /// The steps that are run with one of them.
    run: BTreeSet<Span>,
    /// The secrets that one of them uses.
    secrets: BTreeSet<Name>,
}

impl<'d> Declarations<'d> {
    /// The combinations of the matrix that are to be run: one where there is none.
    pub(crate) fn combinations(&self, found: &mut Vec<Diagnostic>) -> Vec<Combination<'_>> {
        self.matrix.combinations(&self.document.given, found)
    }

    /// Reads the spec of one combination as far as it can be read; what cannot is reported, and left out.
    pub(crate) fn spec(
        &self,
        combination: &Combination<'_>,
        progress: &mut Progress,
        found: &mut Vec<Diagnostic>,
    ) -> (Option<Spec>, Uses) {
        let mut root = self.root.clone();
        let mut uses = self.uses.clone();
        matrix::filter_steps(&mut root, combination, &mut progress.run);
        let mut variables = self.values.clone();
        variables.extend(combination.variables());
        let named = |name: &Name, all: &[(Name, Variable)]| all.iter().any(|(n, _)| n == name);
        for axis in self.matrix.axes.iter().map(|axis| &axis.name) {
            if !named(axis, &variables) {
                variables.push((axis.clone(), Variable::Broken));
            }
        }
        let scope = Scope {
            variables: &variables,
            unread: names_of(&self.root, &self.misnamed),
            secrets: &self.names,
        };
        if let Value::Map(entries) = &mut root.value {
            for entry in entries {
                let key = entry.key.text.as_str();
                if !FIXED.contains(&key) && !SHARED.contains(&key) && key != "about" {
                    let place = Place::root().entry(key);
                    substitute(&mut entry.value, &place, &scope, &mut uses, found);
                }
            }
        }
        with::add(&mut root, &Place::root(), found);
        secret::check(&root, &Place::root(), found);
        progress.secrets.extend(uses.secrets.iter().cloned());
        let mut spec = decode::spec(&mut root, found);
        if let Some(spec) = &mut spec {
            spec.combination = combination.names();
            let secrets = self.secrets.iter();
            spec.secrets = secrets
                .filter_map(|(name, secret)| Some((name.clone(), secret.clone()?)))
                .collect();
        }
        (spec, uses)
    }

    /// What no combination uses.
    pub(crate) fn unused(&self, progress: &Progress, found: &mut Vec<Diagnostic>) {
        let picked = !self.document.given.picks.is_empty();
        for (step, _) in matrix::conditions(&self.root) {
            // A run that picks rows leaves steps out because it was told to.
            if !picked && !progress.run.contains(&step.span) {
                let when = step.get("when").map_or(step.span, |when| when.span);
                let message = "no combination runs this step";
                found.push(Diagnostic::warning(codes::NO_EFFECT, when, message));
            }
        }
        for (name, secret) in &self.secrets {
            if let Some(secret) = secret
                && !picked
                && !progress.secrets.contains(name)
            {
                let message = format!("nothing uses secret `{name}`");
                found.push(
                    Diagnostic::warning(codes::UNUSED_SECRET, secret.key, message).help(format!(
                        "write `$secrets.{name}` where it belongs, or leave it out"
                    )),
                );
            }
        }
    }
}

/// Reads a spec of one file; of one with a matrix, its first combination.
///
/// # Errors
/// Every finding on the syntax and the shape of the file.
pub fn parse(source: &Source) -> Result<Spec, Vec<Diagnostic>> {
    let document = Document::new(source.clone());
    let mut found = Vec::new();
    let spec = document.declarations(&mut found).and_then(|declarations| {
        let combinations = declarations.combinations(&mut found);
        let mut progress = Progress::default();
        let first = combinations.first()?;
        let (spec, uses) = declarations.spec(first, &mut progress, &mut found);
        uses.explain(&mut found);
        spec
    });
    match spec {
        Some(spec) if !found.iter().any(Diagnostic::is_error) => Ok(spec),
        _ => Err(found),
    }
}
