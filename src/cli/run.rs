//! `vnetlab run SPEC`: an experiment from deploy to teardown.

use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Mutex;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::compile::Compiler;
use crate::report::{Style, human, json};
use crate::runner::{self, Refusal, RunError, Target};
use crate::topology::Experiment;
use crate::verdict::event::error_chain;
use crate::verdict::event::{Event, Report};

use super::load::{self, SpecArguments};
use super::target::{self, FabricChoice, TargetChoice};
use super::{INTERNAL, NOT_JUDGED, REFUSED, WRONG_INPUT, print, tell};

/// What `run` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) spec: SpecArguments,
    /// Where the experiment is deployed
    #[arg(long, value_enum, default_value_t)]
    pub(super) target: TargetChoice,
    /// What the local Azure's network is made of; `auto` takes the lab where the host allows it
    #[arg(long, value_enum, default_value_t)]
    pub(super) fabric: FabricChoice,
    /// The subscription to deploy to, with `--target azure`
    #[arg(long, env = "AZURE_SUBSCRIPTION_ID", value_name = "ID")]
    pub(super) subscription: Option<String>,
    /// The one credential to use, with `--target azure`; by default each is tried in turn
    #[cfg(feature = "azure")]
    #[arg(long, value_name = "SOURCE")]
    pub(super) auth: Option<crate::client::AuthSource>,
    /// Handlebars files that take the place of the embedded ones of the same names
    #[arg(long, value_name = "DIR")]
    pub(super) templates: Option<PathBuf>,
    /// A report to write: `human`, or `json=PATH`; may be given several times
    #[arg(long, value_name = "FORMAT[=PATH]")]
    pub(super) report: Vec<ReportRequest>,
    /// No progress on standard error
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// A report that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportRequest {
    format: Format,
    path: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Human,
    Json,
}

impl FromStr for ReportRequest {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportRequest, String> {
        let (format, path) = match text.split_once('=') {
            Some((format, path)) => (format, Some(PathBuf::from(path))),
            None => (text, None),
        };
        let format = match format {
            "human" => Format::Human,
            "json" => Format::Json,
            other => {
                return Err(format!(
                    "`{other}` is not a report format; the formats are `human` and `json`"
                ));
            }
        };
        Ok(ReportRequest { format, path })
    }
}

/// Runs the experiment and writes its reports; the value is the exit code.
pub(super) fn run(arguments: Arguments) -> u8 {
    let experiments = match load::experiments(&arguments.spec) {
        Ok(experiments) => experiments,
        Err(code) => return code,
    };
    if experiments.len() > 1 {
        tell(&format!(
            "error: the spec has {} combinations, and a run takes one: pick it with `--matrix AXIS=ROW`",
            experiments.len()
        ));
        return REFUSED;
    }
    let compiler = match load::compiler(arguments.templates.as_deref()) {
        Ok(compiler) => compiler,
        Err(code) => return code,
    };
    // The lab's helper is forked off here, while the process is small and has one thread.
    let prepared = match target::prepare(&arguments) {
        Ok(prepared) => prepared,
        Err(error) => return error.tell(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&format!("error: cannot start the runtime: {error}"));
            return INTERNAL;
        }
    };
    let code = runtime.block_on(async {
        // From here on an interrupt is answered, and no longer ends the process on the spot.
        let mut interrupts = match Interrupts::listen() {
            Ok(interrupts) => interrupts,
            Err(error) => {
                tell(&format!("error: cannot listen for interrupts: {error}"));
                return INTERNAL;
            }
        };
        let (target, emulator) = match prepared.start().await {
            Ok(started) => started,
            Err(error) => return error.tell(),
        };
        let code = drive(
            &arguments,
            &experiments[0],
            &compiler,
            &target,
            &mut interrupts,
        )
        .await;
        if let Some(emulator) = emulator {
            emulator.shutdown().await;
        }
        code
    });
    runtime.shutdown_background();
    code
}

/// Runs the experiment on a target that stands, and writes the reports.
async fn drive(
    arguments: &Arguments,
    experiment: &Experiment,
    compiler: &Compiler,
    target: &Target,
    interrupts: &mut Interrupts,
) -> u8 {
    let cancel = CancellationToken::new();
    let abandon = CancellationToken::new();
    let signal = Mutex::new(None);
    let progress = progress(arguments.quiet);
    let run = runner::run(
        experiment,
        compiler,
        arguments.spec.spec.clone(),
        target,
        &progress,
        &cancel,
        &abandon,
    );
    let signals = async {
        for token in [&cancel, &abandon] {
            let number = interrupts.next().await;
            signal
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .get_or_insert(number);
            tell(
                match token.is_cancelled() || std::ptr::eq(token, &abandon) {
                    false => {
                        "interrupted: removing what was deployed (interrupt again to leave it)"
                    }
                    true => "interrupted again: leaving what is deployed",
                },
            );
            token.cancel();
        }
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = run => result,
        () = signals => unreachable!("the signals' future never ends"),
    };
    let signal = signal
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match result {
        Ok(mut report) => {
            if let Some(code) = signal {
                report.exit_code = code;
            }
            write_reports(&arguments.report, &report)
        }
        Err(error) => {
            tell(&format!("error: {}", error_chain(&error)));
            let code = match error {
                RunError::Compile { source, .. } => {
                    load::code(&source, arguments.templates.is_some())
                }
                RunError::Refused(Refusal::NoLocation | Refusal::Secret { .. }) => WRONG_INPUT,
                RunError::Refused(_) => REFUSED,
                RunError::Group { .. } => NOT_JUDGED,
            };
            // An interrupt may be what made it fail.
            signal
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(code)
        }
    }
}

/// The signals that interrupt a run.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal or the connection is closed.
    hangup: Signal,
}

impl Interrupts {
    fn listen() -> std::io::Result<Interrupts> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Interrupts {
            interrupt,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one; the value is the exit code that stands for it.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
            _ = self.hangup.recv() => 143,
        }
    }
}

/// Live progress on standard error: every event a line, on a terminal only.
fn progress(quiet: bool) -> impl Fn(Event) + Send + Sync {
    let live = !quiet && std::io::stderr().is_terminal();
    move |event| {
        let always = matches!(event, Event::Cleanup { residue: true, .. });
        if (live || always)
            && let Some(line) = human::progress(&event)
        {
            tell(&line);
        }
    }
}

/// Writes every report that was asked for; the human one goes to standard output unless told otherwise.
fn write_reports(requests: &[ReportRequest], report: &Report) -> u8 {
    let mut code = u8::try_from(report.exit_code).unwrap_or(INTERNAL);
    let default = [ReportRequest {
        format: Format::Human,
        path: None,
    }];
    let to_stdout = requests.iter().any(|request| request.path.is_none());
    // A JSON report in a file does not take the place of the one that a person reads.
    for request in requests
        .iter()
        .chain(if to_stdout { &[] } else { &default[..] })
    {
        // Standard output takes the colour out where it is no terminal or NO_COLOR is set.
        let colored = Style {
            color: true,
            ..Style::default()
        };
        let text = match (request.format, &request.path) {
            (Format::Json, _) => json::render(report),
            (Format::Human, None) => human::render(report, colored),
            (Format::Human, Some(_)) => human::render(report, Style::default()),
        };
        match &request.path {
            None => print(&text),
            Some(path) => {
                if let Err(error) = fs::write(path, text) {
                    tell(&format!(
                        "error: cannot write `{}`: {error}",
                        path.display()
                    ));
                    if !matches!(code, 130 | 143 | INTERNAL) {
                        code = WRONG_INPUT;
                    }
                }
            }
        }
    }
    code
}
