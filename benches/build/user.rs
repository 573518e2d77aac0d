//! A user's crate, written into a directory of its own.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What the crate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// A client, and no component.
    Nothing,
    /// So many impl blocks without the attribute: what the methods themselves cost.
    Plain(usize),
    /// The same as components.
    Components(usize),
}

#[derive(Debug)]
pub(crate) struct UserCrate {
    directory: PathBuf,
    content: Content,
    changes: usize,
}

impl Content {
    fn name(self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Plain(count) => format!("plain_{count}"),
            Self::Components(count) => format!("components_{count}"),
        }
    }

    const fn blocks(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Plain(count) | Self::Components(count) => count,
        }
    }
}

impl UserCrate {
    /// Writes the crate; it is to have the versions of this library's own lock file.
    pub(crate) fn write(below: &Path, content: Content, features: &str) -> io::Result<Self> {
        let palm = env!("CARGO_MANIFEST_DIR");
        let user = Self { directory: below.join(content.name()), content, changes: 0 };
        fs::create_dir_all(user.directory.join("src"))?;
        let features = features.split(',').filter(|name| !name.is_empty()).map(|name| format!("\"{name}\""));
        let features = features.collect::<Vec<_>>().join(", ");
        let manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\npalm = {{ path = \"{palm}\", features = [{features}] }}\n\n[workspace]\n",
            content.name()
        );
        fs::write(user.directory.join("Cargo.toml"), manifest)?;
        fs::copy(Path::new(palm).join("Cargo.lock"), user.directory.join("Cargo.lock"))?;
        fs::write(user.directory.join("src/main.rs"), main(content))?;
        for number in 0..content.blocks() {
            user.write_block(number)?;
        }
        Ok(user)
    }

    pub(crate) fn name(&self) -> String {
        self.content.name()
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Changes what one method gives.
    pub(crate) fn change(&mut self) -> io::Result<()> {
        self.changes += 1;
        match self.content.blocks() {
            0 => fs::write(self.directory.join("src/main.rs"), format!("{}// {}\n", main(self.content), self.changes)),
            blocks => self.write_block(blocks / 2),
        }
    }

    fn write_block(&self, number: usize) -> io::Result<()> {
        let attribute = if matches!(self.content, Content::Components(_)) { "#[palm::server]\n" } else { "" };
        let block = format!(
            "/// Number {number}.\n#[derive(Default)]\npub struct Component {{\n    count: u64,\n}}\n\n{attribute}impl Component {{\n    \
                 /// Counts the messages, and gives the last one back.\n    \
                 pub fn count(&mut self, message: &[u8]) -> Vec<u8> {{\n        self.count += 1;\n        \
                     [message, &self.count.to_be_bytes()].concat()\n    }}\n\n    \
                 /// Fails if it is not a number.\n    \
                 pub fn double(&mut self, message: &str) -> Result<String, std::num::ParseIntError> {{\n        \
                     Ok((message.parse::<u64>()? * 2 + {}).to_string())\n    }}\n\n    \
                 /// Gives nothing where there is nothing.\n    \
                 pub fn first(&mut self, message: &[u8]) -> Option<Vec<u8>> {{\n        \
                     message.first().map(|byte| vec![*byte])\n    }}\n}}\n",
            self.changes
        );
        fs::write(self.directory.join(format!("src/c{number}.rs")), block)
    }
}

/// Uses what there is, so that nothing is left out of the executable.
fn main(content: Content) -> String {
    let mut text = String::new();
    for number in 0..content.blocks() {
        let _ = writeln!(text, "mod c{number};");
    }
    text.push_str("\nfn main() -> palm::Result<()> {\n");
    for number in 0..content.blocks() {
        let _ = match content {
            Content::Components(_) => writeln!(
                text,
                "    let _c{number} = palm::Server::new(\"c{number}\", c{number}::Component::default()).start()?;"
            ),
            _ => writeln!(
                text,
                "    let mut c{number} = c{number}::Component::default();\n    \
                     println!(\"{{:?}} {{:?}} {{:?}}\", c{number}.count(b\"1\"), c{number}.double(\"1\"), c{number}.first(b\"1\"));"
            ),
        };
    }
    text.push_str("    let client = palm::Client::connect(\"server\", \"tcp://127.0.0.1:5555\")?;\n");
    text.push_str("    println!(\"{:?}\", client.eval(\"server.foo\", \"a message\")?);\n    Ok(())\n}\n");
    text
}
