//! `palm completions` and `palm man`: what is made of the definition of the command line.

use std::path::PathBuf;

use clap_complete::Shell;

use crate::command::definition;
use crate::failure::Failure;
use crate::output::print;

/// Prints a shell's completions of this command
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints the manual page, or writes those of all commands into a directory
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The directory; it is made if it is not there
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut definition(), "palm", &mut script);
        print(script)
    }
}

impl Man {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Some(directory) = self.directory else {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(definition()).render(&mut page);
            rendered.map_err(|error| Failure::failed(format!("cannot write the page: {error}")))?;
            return print(page);
        };
        let written =
            std::fs::create_dir_all(&directory).and_then(|()| clap_mangen::generate_to(definition(), &directory));
        written.map_err(|error| Failure::failed(format!("cannot write to {}: {error}", directory.display())))
    }
}
