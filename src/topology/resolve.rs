//! The sequence of states: steps, changes and undos, and what is expected in each state.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deployed::Deployed;
use super::{
    Action, Experiment, Invariant, ListenScheme, ProbeExpectation, ProbeTarget, Scheme, Step,
    Topology, claim, expectation, findings, immutable, network, order, shadow,
};
use crate::spec::{
    self, Change, Diagnostic, Document, Name, Network, Progress, Source, Span, Spanned, Spec,
    StepAction, Unread, codes, suggestion,
};
use crate::verdict::{Answer, Outcome};

/// A spec, resolved.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The experiments: one for each combination of the matrix, in its order; one without a matrix.
    pub experiments: Vec<Experiment>,
    /// What is likely not meant, in the order of its places.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a spec of one file and resolves it, as [`load_document`] does.
///
/// # Errors
/// Every finding, warnings included, in the order of their places, when at least one of them is an error.
pub fn load(source: &Source) -> Result<Resolution, Vec<Diagnostic>> {
    load_document(&Document::new(source.clone()))
}

/// Reads every combination of a spec and resolves it, with every finding on its shape, its names and its
/// network at once. A finding that not every combination has names those that have it.
///
/// # Errors
/// Every finding, warnings included, in the order of their places, when at least one of them is an error.
pub fn load_document(document: &Document) -> Result<Resolution, Vec<Diagnostic>> {
    let mut shared = Vec::new();
    let Some(declarations) = document.declarations(&mut shared) else {
        return Err(findings::once_each(shared));
    };
    let mut progress = Progress::default();
    let mut experiments = Vec::new();
    let mut found = Vec::new();
    for combination in declarations.combinations(&mut shared) {
        let mut here = Vec::new();
        let (spec, uses) = declarations.spec(&combination, &mut progress, &mut here);
        let rows = spec.as_ref().map(|spec| spec.combination.clone());
        experiments.extend(spec.and_then(|spec| experiment(&spec, &mut here)));
        uses.explain(&mut here);
        found.push((rows.unwrap_or_default(), here));
    }
    declarations.unused(&progress, &mut shared);
    finished(experiments, findings::merged(shared, found))
}

/// Binds names, expands what follows from them, checks every state of the network and yields it.
///
/// # Errors
/// Every finding on every state, warnings included, when at least one of them is an error.
pub fn resolve(spec: &Spec) -> Result<Resolution, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let experiment = experiment(spec, &mut found);
    finished(experiment.into_iter().collect(), findings::once_each(found))
}

fn finished(
    experiments: Vec<Experiment>,
    found: Vec<Diagnostic>,
) -> Result<Resolution, Vec<Diagnostic>> {
    if experiments.is_empty() || found.iter().any(Diagnostic::is_error) {
        return Err(found);
    }
    Ok(Resolution {
        experiments,
        warnings: found,
    })
}

/// Resolves what could be read of a spec.
fn experiment(spec: &Spec, found: &mut Vec<Diagnostic>) -> Option<Experiment> {
    let mut resolver = Resolver {
        states: Vec::new(),
        current: State::new(spec.network.clone(), &[], found),
        found: std::mem::take(found),
        unsure: ["steps", "invariants"]
            .iter()
            .any(|key| spec.unread.contains(key)),
    };
    for group in resolver.current.topology.network_security_groups.values() {
        shadow::warn(group, &mut resolver.found);
    }
    let steps = resolver.steps(spec);
    if !resolver.unsure {
        warn_about_controls(&steps, &mut resolver.found);
        if spec.steps.iter().all(|step| step.probes.is_empty()) {
            resolver.found.push(
                Diagnostic::warning(
                    codes::NO_PROBES,
                    title(spec),
                    "the experiment probes nothing",
                )
                .help("give a step a `probe`, with what is expected of each"),
            );
        }
    }
    *found = resolver.found;
    Some(Experiment {
        name: spec.name.as_ref()?.value.clone(),
        about: spec.about.as_ref().map(|about| about.value.clone()),
        location: spec
            .location
            .as_ref()
            .map(|location| location.value.clone()),
        tags: spec
            .tags
            .iter()
            .map(|(key, value)| (key.clone(), value.value.clone()))
            .collect(),
        combination: spec.combination.clone(),
        secrets: spec
            .secrets
            .iter()
            .map(|(name, secret)| (name.clone(), secret.source.clone()))
            .collect(),
        planes: spec.planes.iter().map(|plane| plane.value).collect(),
        steps,
        lifecycle: spec.lifecycle.clone(),
        budget: spec.budget,
    })
}

/// Where a finding on the experiment as a whole stands.
fn title(spec: &Spec) -> Span {
    spec.name.as_ref().map_or(spec.start, |name| name.span)
}

/// A state of the network, as written and as resolved.
#[derive(Clone)]
struct State {
    network: Arc<Network>,
    topology: Arc<Topology>,
}

impl State {
    /// `before` are the states that lead to this one; the last is deployed when this one is.
    fn new(network: Network, before: &[Arc<Topology>], found: &mut Vec<Diagnostic>) -> State {
        let topology = network::resolve(&network, Deployed(before), found);
        State {
            network: Arc::new(network),
            topology: Arc::new(topology),
        }
    }
}

struct Resolver {
    /// The states before each change that is not yet taken back.
    states: Vec<State>,
    current: State,
    found: Vec<Diagnostic>,
    /// Whether a step or an expectation is not known, and with it what they could have proved.
    unsure: bool,
}

impl Resolver {
    fn steps(&mut self, spec: &Spec) -> Vec<Step> {
        let mut steps = Vec::new();
        if !matches!(
            spec.steps.first().map(|step| &step.action),
            Some(StepAction::Deploy)
        ) {
            let span = spec
                .steps
                .first()
                .map_or_else(|| title(spec), |step| step.span);
            steps.push(Step {
                name: "deploy".to_owned(),
                action: Action::Deploy,
                topology: Arc::clone(&self.current.topology),
                probes: Vec::new(),
                prove: BTreeMap::new(),
                expect_broken: Vec::new(),
                planes: Vec::new(),
                note: None,
                wait: None,
                span,
            });
        }
        for (at, step) in spec.steps.iter().enumerate() {
            let action = self.action(at, step);
            let prove = self.prove(step);
            let expect_broken = self.expect_broken(step);
            let probes = step
                .probes
                .iter()
                .filter_map(|probe| self.expectation(probe))
                .collect();
            steps.push(Step {
                name: step
                    .name
                    .as_ref()
                    .map_or_else(|| name(step), |name| name.value.clone()),
                action,
                topology: Arc::clone(&self.current.topology),
                probes,
                prove,
                expect_broken,
                planes: step.planes.iter().map(|plane| plane.value).collect(),
                note: step.note.as_ref().map(|note| note.value.clone()),
                wait: step.wait.as_ref().map(|wait| wait.value),
                span: step.span,
            });
        }
        steps
    }

    fn action(&mut self, at: usize, step: &spec::Step) -> Action {
        let action = match &step.action {
            StepAction::None => Action::None,
            StepAction::Deploy => {
                if at > 0 {
                    self.found.push(
                        Diagnostic::error(
                            codes::DEPLOY_NOT_FIRST,
                            step.span,
                            "`deploy` comes first, and once",
                        )
                        .help("a later step changes what is deployed with `change`"),
                    );
                }
                Action::Deploy
            }
            StepAction::Change { changes, order } => {
                let between = self.change(changes, order);
                Action::Change {
                    paths: changes
                        .iter()
                        .map(|change| change.path.value.clone())
                        .collect(),
                    between,
                }
            }
            StepAction::Undo { span, all } => {
                self.undo(*span, *all);
                Action::Undo
            }
        };
        if ["deploy", "change", "undo"]
            .iter()
            .any(|key| step.unread.contains(key))
        {
            let mut network = Network::clone(&self.current.network);
            network.unsure = true;
            self.current.network = Arc::new(network);
        }
        self.unsure |= !step.unread.is_empty();
        action
    }

    /// Changes the network, and yields the states on the way where its parts are sent one after the other.
    fn change(&mut self, changes: &[Change], order: &[Spanned<String>]) -> Vec<Arc<Topology>> {
        let before = self.current.clone();
        let mut between = Vec::new();
        let parts = order::parts(changes, order, &mut self.found);
        for (at, part) in parts.iter().enumerate() {
            let last = at + 1 == parts.len();
            let network = self.current.network.changed(part, &mut self.found);
            let deployed = self.deployed();
            self.current = State::new(network, &deployed, &mut self.found);
            if !last {
                between.push(Arc::clone(&self.current.topology));
            }
        }
        let (old, new) = (&before.topology, &self.current.topology);
        immutable::check(old, new, &self.current.network, changes, &mut self.found);
        self.states.push(before);
        between
    }

    /// The states that lead to what is deployed now, which is the last.
    fn deployed(&self) -> Vec<Arc<Topology>> {
        let states = self.states.iter().chain([&self.current]);
        states.map(|state| Arc::clone(&state.topology)).collect()
    }

    /// What is proven in a step alone.
    fn prove(&mut self, step: &spec::Step) -> BTreeMap<Name, Invariant> {
        let network = Arc::clone(&self.current.network);
        let mut proven = BTreeMap::new();
        for (name, invariant) in &step.prove {
            if let Some(invariant) = claim::resolve(&network, invariant, &mut self.found) {
                proven.insert(name.clone(), invariant);
            }
        }
        proven
    }

    /// The invariants that a step breaks: those of the spec and its own.
    fn expect_broken(&mut self, step: &spec::Step) -> Vec<Name> {
        let known = &self.current.network.invariants;
        let mut broken = Vec::new();
        for name in &step.expect_broken {
            if known.contains_key(&name.value) || step.prove.contains_key(&name.value) {
                broken.push(name.value.clone());
                continue;
            }
            let names = known
                .keys()
                .chain(step.prove.keys())
                .map(|name| name.as_str());
            if !self.current.network.hides_invariant(name.value.as_str()) {
                self.found.push(
                    Diagnostic::error(
                        codes::UNKNOWN_NAME,
                        name.span,
                        format!("unknown invariant `{}`", name.value),
                    )
                    .help(suggestion(name.value.as_str(), names, "there is")),
                );
            }
        }
        broken
    }

    fn undo(&mut self, span: Span, all: bool) {
        let restored = if all {
            let first = self.states.first().cloned();
            self.states.clear();
            first
        } else {
            self.states.pop()
        };
        match restored {
            Some(state) => self.current = state,
            None if self.current.network.unsure => {}
            None => self.found.push(
                Diagnostic::error(
                    codes::NOTHING_TO_UNDO,
                    span,
                    "there is no change to take back",
                )
                .help("`undo` takes back the newest `change` that is not yet taken back"),
            ),
        }
    }

    fn expectation(&mut self, expected: &spec::ProbeExpectation) -> Option<ProbeExpectation> {
        let network = Arc::clone(&self.current.network);
        let topology = Arc::clone(&self.current.topology);
        let word = expected.probe.value.as_str();
        self.unsure |= !expected.unread.is_empty();
        let Some((name, written)) = network.probes.get_key_value(word) else {
            self.unsure = true;
            // Its own words are checked all the same.
            expectation::resolve(&network, &topology, None, expected, &mut self.found);
            if network.hides_probe(word) {
                return None;
            }
            let names = network.probes.keys().map(|name| name.as_str());
            self.found.push(
                Diagnostic::error(
                    codes::UNKNOWN_NAME,
                    expected.probe.span,
                    format!("unknown probe `{word}`"),
                )
                .help(suggestion(word, names, "there is")),
            );
            return None;
        };
        let deployed = self.deployed();
        if let Some(removed) = Deployed(&deployed).removed(&network, written) {
            self.found.push(
                Diagnostic::error(
                    codes::UNKNOWN_NAME,
                    expected.probe.span,
                    format!("probe `{word}` names workload `{removed}`, which is removed before this step"),
                )
                .related(written.key, "the probe")
                .help("probe it before the change, or after its undo"),
            );
            return None;
        }
        let probe = topology.probes.get(name);
        let resolved = expectation::resolve(&network, &topology, probe, expected, &mut self.found);
        if let Some(probe) = probe
            && resolved.one_of != [Answer::Outcome(Outcome::Refused)]
            && !expected.unread.contains("outcome")
        {
            self.warn_about_listener(&network, &topology, probe, written);
        }
        Some(ProbeExpectation {
            probe: name.clone(),
            expectation: resolved,
            span: expected.span,
        })
    }

    /// The built-in server listens where `serve` says; of an own image nothing is known.
    fn warn_about_listener(
        &mut self,
        network: &Network,
        topology: &Topology,
        probe: &super::Probe,
        written: &spec::Probe,
    ) {
        let ProbeTarget::Workload(name) = &probe.to else {
            return;
        };
        let Some(wanted) = probe.port else {
            return;
        };
        let Some(target) = topology.workloads.get(name) else {
            return;
        };
        let unread = |unread: &Unread, keys: &[&str]| keys.iter().any(|key| unread.contains(key));
        if unread(&written.unread, &["scheme", "port"])
            || network
                .workloads
                .get(name)
                .is_some_and(|target| unread(&target.unread, &["serve", "image", "command"]))
        {
            return;
        }
        let udp = probe.scheme == Scheme::Udp;
        let speaks = |listen: &super::Listen| (listen.scheme == ListenScheme::Udp) == udp;
        let listens = target
            .serve
            .iter()
            .any(|listen| listen.port == wanted && speaks(listen));
        if listens || (target.image.is_some() && target.serve.is_empty()) {
            return;
        }
        let port = written.port.as_ref().map(|port| port.span);
        let Some(span) = port.or(written.to.as_ref().map(|to| to.span)) else {
            return;
        };
        let ports: Vec<String> = target
            .serve
            .iter()
            .map(|listen| match listen.scheme {
                ListenScheme::Udp => format!("udp {}", listen.port),
                ListenScheme::Http | ListenScheme::Tcp => listen.port.to_string(),
            })
            .collect();
        self.found.push(
            Diagnostic::warning(
                codes::NO_LISTENER,
                span,
                format!("nothing listens on port {wanted} of `{name}`"),
            )
            .related(
                target.span,
                match &ports[..] {
                    [] => "it serves nothing".to_owned(),
                    ports => format!("it serves {}", ports.join(", ")),
                },
            )
            .help(format!(
                "give it `serve: {}:{wanted}`, or expect `refused`",
                if udp { "udp" } else { "http" }
            )),
        );
    }
}

/// A silent drop proves something only when the same machinery reached something, in this step or before.
fn warn_about_controls(steps: &[Step], found: &mut Vec<Diagnostic>) {
    let mut controlled = false;
    for step in steps {
        controlled |= step
            .probes
            .iter()
            .any(|probe| expectation::is_positive(&probe.expectation));
        if controlled {
            return;
        }
        for probe in &step.probes {
            if expectation::is_negative(&probe.expectation) {
                found.push(
                    Diagnostic::warning(
                        codes::NO_CONTROL,
                        probe.span,
                        format!("`{}` is expected to fail, and nothing was reached before", probe.probe),
                    )
                    .label("the verdict may be `inconclusive`")
                    .help("add a positive control: a probe that is expected to be `reachable`, in this step or before"),
                );
            }
        }
    }
}

/// A name for a step that has none.
fn name(step: &spec::Step) -> String {
    match &step.action {
        StepAction::Deploy => "deploy".to_owned(),
        StepAction::Change { changes, .. } => {
            let paths: Vec<&str> = changes
                .iter()
                .map(|change| change.path.value.as_str())
                .collect();
            format!("change {}", paths.join(", "))
        }
        StepAction::Undo { all: false, .. } => "undo".to_owned(),
        StepAction::Undo { all: true, .. } => "undo all".to_owned(),
        StepAction::None => {
            let probes: Vec<&str> = step
                .probes
                .iter()
                .map(|probe| probe.probe.value.as_str())
                .collect();
            format!("probe {}", probes.join(", ")).trim_end().to_owned()
        }
    }
}
