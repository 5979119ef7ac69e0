//! `vnetlab init [NAME] [--template TEMPLATE] [--force]`: a spec to begin with.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::spec::{Name, Source, codes};
use crate::topology;

use super::{HELD, WRONG_INPUT, print, tell};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The experiment's name; the file is `NAME.yaml`
    #[arg(default_value = "experiment")]
    name: String,
    /// What the experiment is founded on
    #[arg(long, value_enum, default_value_t)]
    template: Template,
    /// Overwrite the file if there is one
    #[arg(long)]
    force: bool,
}

/// The starters.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Template {
    /// A container group calls another one behind a network security group: the smallest
    #[default]
    ContainerGroups,
    /// A pod on a kubenet cluster calls a container group behind a network security group
    Kubenet,
}

impl Template {
    /// The starter, under the name `experiment`.
    fn text(self) -> &'static str {
        match self {
            Template::ContainerGroups => include_str!("init/container-groups.yaml"),
            Template::Kubenet => include_str!("init/kubenet.yaml"),
        }
    }
}

/// Writes the starter, and tells how to run it.
pub(super) fn run(arguments: &Arguments) -> u8 {
    let name: Name = match arguments.name.parse() {
        Ok(name) => name,
        Err(error) => return wrong(&format!("{error}")),
    };
    let path = PathBuf::from(format!("{name}.yaml"));
    let template = arguments.template.text();
    let text = template.replacen("\nname: experiment\n", &format!("\nname: {name}\n"), 1);
    // A starter runs as it is, or it is not written.
    if let Some(missing) = missing(&path, &text) {
        return wrong(&format!(
            "this template needs what this version does not have: {missing}"
        ));
    }
    match write(&path, &text, arguments.force) {
        Ok(()) => {
            print(&format!("{}\n", path.display()));
            tell(&format!("run it with `vnetlab run {}`", path.display()));
            HELD
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => wrong(&format!(
            "`{}` exists already; `--force` overwrites it",
            path.display()
        )),
        Err(error) => wrong(&format!("cannot write `{}`: {error}", path.display())),
    }
}

fn wrong(message: &str) -> u8 {
    tell(&format!("error: {message}"));
    WRONG_INPUT
}

/// What a spec uses of the language that is not supported yet.
fn missing(path: &Path, text: &str) -> Option<String> {
    let findings = topology::load(&Source::new(path, text)).err()?;
    let missing = findings
        .into_iter()
        .find(|finding| codes::is_not_yet(finding.code));
    missing.map(|finding| finding.message)
}

fn write(path: &Path, text: &str, force: bool) -> std::io::Result<()> {
    let mut file = match force {
        true => File::create(path)?,
        false => File::create_new(path)?,
    };
    file.write_all(text.as_bytes())
}
