//! `vnetlab fmt [FILE|-]... [--check] [--diff]`: specs in their canonical short form.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::spec::{self, Source};

use super::{CHANGED, HELD, INTERNAL, WRONG_INPUT, load, print, tell};

/// What stands for standard input on the command line and in messages.
const STDIN: &str = "-";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The specs, rewritten in place; `-`, or none, is standard input, formatted to standard output
    #[arg(value_name = "FILE|-")]
    files: Vec<PathBuf>,
    /// Write nothing; name the files that are not formatted, and exit with 1 if there are any
    #[arg(long)]
    check: bool,
    /// Write nothing; show what would change
    #[arg(long)]
    diff: bool,
}

/// Formats each file; a file with errors is told and left as it is, and the others are formatted.
pub(super) fn run(arguments: &Arguments) -> u8 {
    let stdin = [PathBuf::from(STDIN)];
    let files = match &arguments.files[..] {
        [] => &stdin[..],
        files => files,
    };
    let codes: Vec<u8> = files.iter().map(|file| one(file, arguments)).collect();
    // The gravest first, as everywhere.
    let graver = [INTERNAL, WRONG_INPUT, CHANGED];
    let code = graver.into_iter().find(|code| codes.contains(code));
    code.unwrap_or(HELD)
}

/// Formats one file; the result is its exit code.
fn one(file: &Path, arguments: &Arguments) -> u8 {
    let stdin = file.as_os_str() == STDIN;
    let text = if stdin {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => return wrong("read", file, &error),
    };
    let path = if stdin { Path::new("<stdin>") } else { file };
    let source = Source::new(path, text);
    let formatted = match load::rewritten(&source, spec::format) {
        Ok(formatted) => formatted,
        Err(code) => return code,
    };
    let same = formatted == source.text();
    if arguments.diff && !same {
        print(&diff(&source, &formatted));
    }
    if arguments.check {
        if !same && !arguments.diff {
            print(&format!("{}\n", path.display()));
        }
        return if same { HELD } else { CHANGED };
    }
    if arguments.diff {
        return HELD;
    }
    if stdin {
        print(&formatted);
        return HELD;
    }
    if !same && let Err(error) = replace(file, &formatted) {
        return wrong("write", file, &error);
    }
    HELD
}

fn wrong(what: &str, file: &Path, error: &io::Error) -> u8 {
    tell(&format!(
        "error: cannot {what} `{}`: {error}",
        file.display()
    ));
    WRONG_INPUT
}

fn diff(source: &Source, formatted: &str) -> String {
    let path = source.path().display();
    TextDiff::from_lines(source.text(), formatted)
        .unified_diff()
        .header(&format!("{path}"), &format!("{path} (formatted)"))
        .to_string()
}

/// Replaces a file's text at once: a reader sees the old text or the new one. A symbolic link stays one.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let metadata = fs::metadata(&file)?;
    // A file that may not be written is not replaced either, though its directory would allow it.
    drop(OpenOptions::new().write(true).open(&file)?);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let temporary = file.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = File::create_new(&temporary).and_then(|mut new| {
        new.write_all(text.as_bytes())?;
        keep_owner(&temporary, &metadata);
        fs::set_permissions(&temporary, metadata.permissions())?;
        new.sync_all()?;
        fs::rename(&temporary, &file)
    });
    if let Err(error) = &written
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Gives the new file to the owner of the old one, where that is allowed: root may format another's file.
#[cfg(unix)]
fn keep_owner(temporary: &Path, metadata: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, chown};
    let _ = chown(temporary, Some(metadata.uid()), Some(metadata.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &Path, _: &fs::Metadata) {}
