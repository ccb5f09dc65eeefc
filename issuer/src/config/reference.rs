//! The reference page and the example file, written from the [`SECTIONS`], so that neither can go stale.

use std::fmt::Write as _;

use super::{ENVIRONMENT, SECTIONS, Section, Setting, Shown};

/// `docs/configuration.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         <!-- Generated from issuer/src/config/sections.rs: \
         `countersign config example --markdown > docs/configuration.md`. -->\n\n\
         One TOML file: `--config FILE`, else `COUNTERSIGN_CONFIG`, else `countersign.toml` in the working folder, if \
         there is one. Every setting has a default, so no file is needed to begin. Unknown keys are refused. Relative \
         paths start at the working folder. `countersign config check` says what is wrong, `countersign config example` \
         prints a file with every setting.\n",
    );
    for section in SECTIONS {
        write_section(&mut page, section);
    }
    page.push_str(
        "\n## Environment\n\nA variable replaces the setting of the file; an empty one counts as absent.\n\n\
         | variable | replaces |\n| --- | --- |\n| `COUNTERSIGN_CONFIG` | the path of the file |\n",
    );
    for variable in ENVIRONMENT {
        let _ = writeln!(page, "| `{}` | {} |", variable.name, variable.replaces);
    }
    page
}

fn write_section(page: &mut String, section: &Section) {
    let title = match section.name {
        "" => "Top of the file".to_owned(),
        name => format!("`[{name}]`"),
    };
    let _ = write!(page, "\n## {title}\n\n{}\n\n", sentence(section.doc));
    page.push_str("| setting | default | meaning |\n| --- | --- | --- |\n");
    for setting in section.settings {
        let shown = match setting.shown {
            Shown::Default(text) => format!("`{text}`"),
            Shown::Unset(text) => format!("none; for example `{text}`"),
        };
        let meaning = sentence(setting.doc).replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {shown} | {meaning} |", setting.key);
    }
}

fn sentence(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// A file with every setting: at its default, or commented out where there is none.
pub fn example() -> String {
    let mut file = String::new();
    for section in SECTIONS {
        if !file.is_empty() {
            file.push('\n');
        }
        for line in section.doc {
            let _ = writeln!(file, "# {}", line.trim());
        }
        if !section.name.is_empty() {
            // A section without any default exists only when somebody wants it.
            let optional = section.settings.iter().all(is_unset);
            let _ = writeln!(file, "{}[{}]", if optional { "#" } else { "" }, section.name);
        }
        for setting in section.settings {
            write_example(&mut file, setting);
        }
    }
    file
}

fn is_unset(setting: &Setting) -> bool {
    matches!(setting.shown, Shown::Unset(_))
}

fn write_example(file: &mut String, setting: &Setting) {
    file.push('\n');
    for line in setting.doc {
        let _ = writeln!(file, "# {}", line.trim());
    }
    let _ = match setting.shown {
        Shown::Default(text) => writeln!(file, "{} = {text}", setting.key),
        Shown::Unset(text) => writeln!(file, "#{} = {text}", setting.key),
    };
}
