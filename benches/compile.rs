//! Compiling a spec: from its text to the text of the template, against reading the text as plain YAML and
//! writing the template's JSON, in the same run. Prints the ratio for 10, 1,000 and 10,000 resources and how the
//! time grows, and holds both to their bounds.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

use std::fmt::Write;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;
use vnetlab::compile::{Compiled, Compiler};
use vnetlab::spec::Source;
use vnetlab::topology;

/// The most that a compilation may take of the time of reading and writing alone.
const BOUND: f64 = 2.0;
/// The most that a resource may take among ten times as many, against among a thousand.
const GROWTH: f64 = 1.5;
const SIZES: [usize; 3] = [10, 1_000, 10_000];

fn main() -> ExitCode {
    let compiler = Compiler::new().expect("the embedded files are sound");
    let mut held = true;
    let mut each = Vec::new();
    for size in SIZES {
        let text = spec(size);
        let runs = (10_000 / size).clamp(5, 200);
        let compiled = compile(&compiler, &text);
        let resources = compiled.template.resources.len();
        assert_eq!(
            resources, size,
            "the spec has as many resources as it should"
        );
        let json = compiled.template.to_json();
        let value = compiled.template.to_value();
        let alone = fastest(runs, || {
            let read: Value = serde_yaml::from_str(&text).expect("it is YAML");
            let written = serde_json::to_string_pretty(&value).expect("it is JSON");
            black_box((read, written));
        });
        let whole = fastest(runs, || {
            black_box(compile(&compiler, &text).template.to_json());
        });
        let ratio = whole.as_secs_f64() / alone.as_secs_f64();
        println!(
            "{resources:6} resources, {:5} kB in, {:5} kB out: compiled in {whole:?}, read and written in {alone:?}: {ratio:.2}x (bound {BOUND}x)",
            text.len() / 1000,
            json.len() / 1000,
        );
        stages(&compiler, &text, runs);
        held &= ratio <= BOUND;
        each.push(whole.as_secs_f64() / size as f64);
    }
    let growth = each[2] / each[1];
    println!("a resource among 10,000 takes {growth:.2}x of one among 1,000 (bound {GROWTH}x)");
    held &= growth <= GROWTH;
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Where the time goes.
fn stages(compiler: &Compiler, text: &str, runs: usize) {
    let source = Source::new("bench.yaml", text.to_owned());
    let experiment = topology::load(&source)
        .expect("a sound spec")
        .experiments
        .remove(0);
    let state = &experiment.steps[0].topology;
    let load = fastest(runs, || {
        black_box(topology::load(&source)).expect("a sound spec");
    });
    let compile = fastest(runs, || {
        black_box(compiler.compile(state, &experiment.tags)).expect("it compiles");
    });
    let compiled = compiler
        .compile(state, &experiment.tags)
        .expect("it compiles");
    let write = fastest(runs, || {
        black_box(compiled.template.to_json());
    });
    println!("       of which reading {load:?}, compiling {compile:?}, writing {write:?}");
}

fn compile(compiler: &Compiler, text: &str) -> Compiled {
    let source = Source::new("bench.yaml", text.to_owned());
    let experiment = topology::load(&source)
        .expect("a sound spec")
        .experiments
        .remove(0);
    compiler
        .compile(&experiment.steps[0].topology, &experiment.tags)
        .expect("it compiles")
}

fn fastest(runs: usize, mut run: impl FnMut()) -> Duration {
    let times = (0..runs).map(|_| {
        let started = Instant::now();
        run();
        started.elapsed()
    });
    times.min().unwrap_or_default()
}

/// A spec of `size` resources: for each ten a virtual network, two security groups and seven workloads.
fn spec(size: usize) -> String {
    let mut text = "vnetlab: 1\nname: bench\nlocation: eastus\nvnets:\n".to_owned();
    let blocks = 0..size / 10;
    for block in blocks.clone() {
        let (high, low) = (block / 256, block % 256);
        let _ = write!(
            text,
            "  net-{block}:\n    space: 10.{low}.{base}.0/22\n    subnets:\n      \
             front: {{ prefix: 10.{low}.{base}.0/24, nsg: front-{block} }}\n      \
             back: {{ prefix: 10.{low}.{next}.0/24, nsg: back-{block} }}\n",
            base = high * 4,
            next = high * 4 + 1,
        );
    }
    text.push_str("nsgs:\n");
    for block in blocks.clone() {
        let _ = write!(
            text,
            "  front-{block}:\n    inbound:\n      \
             web: 100 allow tcp any -> any:80+443\n      \
             health: 200 allow any AzureLoadBalancer -> any\n      \
             rest: 300 deny any any -> any\n  \
             back-{block}:\n    inbound:\n      \
             db: 100 allow tcp net-{block}/front -> any:5432\n      \
             rest: 200 deny any any -> any\n    outbound:\n      \
             inside: 100 allow any any -> VirtualNetwork\n      \
             nothing: 200 deny any any -> any\n",
        );
    }
    text.push_str("workloads:\n");
    for block in blocks {
        for copy in 0..7 {
            let subnet = if copy < 4 { "front" } else { "back" };
            let _ = writeln!(
                text,
                "  web-{block}-{copy}: {{ aci: net-{block}/{subnet}, serve: http:80, body: hello {copy}, cpu: 0.5 }}"
            );
        }
    }
    text.push_str("steps:\n  - deploy\n");
    text
}
