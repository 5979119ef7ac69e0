//! The compiled templates of the shipped specs, as snapshots: a diff here is a diff in what Azure gets.

mod support;

use vnetlab::compile::{Compiler, Delta};

#[test]
fn every_spec_compiles_to_its_snapshot() {
    for spec in support::specs() {
        let experiment = support::experiment(&spec);
        let compiler = Compiler::new().expect("the embedded files are sound");
        let mut before = None;
        for (index, step) in experiment.steps.iter().enumerate() {
            let compiled = compiler
                .compile(&step.topology, &experiment.tags)
                .expect("the state compiles");
            let sent = match &before {
                None => compiled.template.clone(),
                Some(before) => Delta::between(before, &compiled.template).template,
            };
            before = Some(compiled.template);
            if !sent.resources.is_empty() {
                insta::assert_snapshot!(
                    format!("{}-{}", experiment.name, index + 1),
                    sent.to_json()
                );
            }
        }
    }
}

#[test]
fn a_change_sends_only_what_it_changes() {
    let experiment = support::experiment(&support::checkout().join("specs/kubenet-outbound.yaml"));
    let compiler = Compiler::new().expect("the embedded files are sound");
    let states = experiment
        .steps
        .iter()
        .map(|step| {
            compiler
                .compile(&step.topology, &experiment.tags)
                .expect("the state compiles")
                .template
        })
        .collect::<Vec<_>>();
    let sent = |before: usize, after: usize| {
        let delta = Delta::between(&states[before], &states[after]);
        assert_eq!(delta.deleted().count(), 0);
        delta
            .template
            .resources
            .iter()
            .map(|resource| resource.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        sent(0, 1),
        Vec::<String>::new(),
        "a step that only probes sends nothing"
    );
    assert_eq!(
        sent(1, 2),
        ["aci-nsg"],
        "the change of a priority sends the group and nothing else"
    );
    assert_eq!(sent(3, 4), ["aci-nsg"]);
    assert_eq!(
        states[0], states[4],
        "an undo leads back to the same template"
    );
}

#[test]
fn what_is_no_longer_there_is_deleted_users_first() {
    let experiment = support::experiment(&support::checkout().join("specs/kubenet-outbound.yaml"));
    let compiler = Compiler::new().expect("the embedded files are sound");
    let all = compiler
        .compile(&experiment.steps[0].topology, &experiment.tags)
        .expect("the state compiles")
        .template;
    let mut none = all.clone();
    none.resources.clear();
    let delta = Delta::between(&all, &none);
    let deleted = delta.deleted().cloned().collect::<Vec<_>>();
    let place = |kind: &str| {
        deleted
            .iter()
            .position(|key| key.is(kind))
            .expect("the type is deleted")
    };
    assert!(
        place("Microsoft.ContainerInstance/containerGroups")
            < place("Microsoft.Network/virtualNetworks")
    );
    assert!(
        place("Microsoft.ContainerService/managedClusters")
            < place("Microsoft.Network/virtualNetworks")
    );
    assert!(
        place("Microsoft.Network/virtualNetworks")
            < place("Microsoft.Network/networkSecurityGroups")
    );
}
