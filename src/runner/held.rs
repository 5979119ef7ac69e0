//! Which connections of the run's probes are open: a flow that exists is judged otherwise than a new one
//! (R12).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::arm::{FlowState, Template, TemplateResource};
use crate::compile::{Compiled, ProbePlan, Workload};
use crate::probe::Kind;
use crate::topology::Name;
use crate::verdict::{Observation, Outcome};

/// The connections that are open: each by its probe and its two ends, with the workload that opened it.
#[derive(Debug, Default)]
pub(super) struct HeldConnections(Mutex<BTreeMap<Ends, Name>>);

/// A probe, the copy that calls, and what it calls.
type Ends = (Name, String, String);

fn ends(name: &Name, plan: &ProbePlan) -> Ends {
    (name.clone(), plan.caller.clone(), plan.to.clone())
}

impl HeldConnections {
    /// Where the next try of a probe stands.
    pub(super) fn flow(&self, name: &Name, plan: &ProbePlan) -> FlowState {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.contains_key(&ends(name, plan)) {
            FlowState::Established
        } else {
            FlowState::New
        }
    }

    /// Notes what a try has shown: an answer over a connection that is kept leaves it open.
    pub(super) fn note(&self, name: &Name, plan: &ProbePlan, observation: &Observation) {
        let held = matches!(plan.probe.kind, Kind::Held(_));
        if held && observation.outcome.outcome() == Some(Outcome::Reachable) {
            let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            open.insert(ends(name, plan), plan.from.clone());
        }
    }

    /// Forgets the connections whose caller is made anew by a deployment: the next try opens another.
    pub(super) fn change(&mut self, before: &Compiled, after: &Compiled) {
        let open = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, from| {
            let caller = |state: &Compiled| {
                let copies = state.manifest.workloads.get(from)?.clone();
                let resources = copies
                    .iter()
                    .map(|copy| resource(&state.template, copy).cloned())
                    .collect::<Vec<_>>();
                Some((copies, resources))
            };
            caller(before) == caller(after) && caller(after).is_some()
        });
    }
}

/// The resource of a container group; a pod is all in its workload.
fn resource<'a>(template: &'a Template, workload: &Workload) -> Option<&'a TemplateResource> {
    match workload {
        Workload::ContainerGroup { key } => {
            let mut resources = template.resources.iter();
            resources.find(|resource| resource.key() == *key)
        }
        Workload::Pod(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::compile::Compiler;
    use crate::topology::{self, Source};
    use crate::verdict::Observed;

    use super::*;

    /// The states of a network whose caller and server change, one after the other.
    fn states() -> Vec<Compiled> {
        let text = "
vnetlab: 1
name: held
location: eastus
vnets: { net: { space: 10.0.0.0/16, subnets: { a: { prefix: 10.0.0.0/24, nsg: guard } } } }
nsgs: { guard: { inbound: { in: 100 allow tcp any -> any:80 } } }
workloads: { caller: { aci: a }, web: { aci: a, serve: http:80 } }
probes:
  kept: { call: caller -> tcp://web:80, connection: held }
  once: caller -> tcp://web:80
steps:
  - deploy
  - change: { nsgs.guard.inbound.in.access: deny }
  - change: { workloads.web.body: other }
  - change: { workloads.caller.serve: http:80 }
";
        let experiment = topology::load(&Source::new(Path::new("held.yaml"), text));
        let experiment = experiment.expect("a sound spec").experiments.remove(0);
        let compiler = Compiler::new().expect("the built-in templates");
        let compiled = experiment.steps.iter().map(|step| {
            let compiled = compiler.compile(&step.topology, &experiment.tags);
            compiled.expect("it compiles")
        });
        compiled.collect()
    }

    fn seen(outcome: Outcome, plan: &ProbePlan) -> Observation {
        Observation {
            outcome: Observed::Is(outcome),
            ..plan.probe.read("n1", "")
        }
    }

    #[test]
    fn a_connection_is_open_from_its_first_answer_until_its_caller_changes() {
        let states = states();
        let mut held = HeldConnections::default();
        let kept: Name = "kept".parse().expect("a name");
        let once: Name = "once".parse().expect("a name");
        let plan = |name: &Name| &states[0].manifest.probes[name][0];
        held.note(&kept, plan(&kept), &seen(Outcome::Timeout, plan(&kept)));
        assert_eq!(held.flow(&kept, plan(&kept)), FlowState::New);
        for name in [&kept, &once] {
            held.note(name, plan(name), &seen(Outcome::Reachable, plan(name)));
        }
        assert_eq!(held.flow(&once, plan(&once)), FlowState::New);
        for (state, flow) in [
            (1, FlowState::Established),
            (2, FlowState::Established),
            (3, FlowState::New),
        ] {
            held.change(&states[state - 1], &states[state]);
            assert_eq!(held.flow(&kept, plan(&kept)), flow, "state {state}");
        }
    }
}
