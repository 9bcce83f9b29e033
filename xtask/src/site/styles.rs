//! One style sheet out of `style/`: `main.css` with its imports put in their places.
//!
//! Only what we use of CSS is understood: a line `@import "file.css";` or `@import "file.css" layer(name);`. An import
//! of anything else is an error rather than a request that the content security policy would refuse in the browser.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

/// The text of `pkg/baton.css`. Without a `main.css`: every file of the folder, by name.
pub fn bundle(folder: &Path) -> Result<String> {
    if folder.join("main.css").is_file() {
        return inline(folder, "main.css", 0);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let name = entry.context("list the folder style")?.file_name();
        names.extend(name.to_str().filter(|name| name.ends_with(".css")).map(str::to_owned));
    }
    names.sort();
    names.iter().map(|name| inline(folder, name, 0)).collect()
}

const DEPTH_MAX: u32 = 8;

fn inline(folder: &Path, name: &str, depth: u32) -> Result<String> {
    if depth > DEPTH_MAX {
        bail!("style/{name} is imported by itself");
    }
    let file = folder.join(name);
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let mut bundled = String::with_capacity(text.len());
    for line in text.lines() {
        match import(line).with_context(|| format!("style/{name} has an import that is not understood: {line}"))? {
            Line::Other => bundled.push_str(line),
            Line::Import { name: imported, layer: None } => bundled.push_str(&inline(folder, imported, depth + 1)?),
            Line::Import { name: imported, layer: Some(layer) } => {
                bundled.push_str(&format!("@layer {layer} {{\n{}}}", inline(folder, imported, depth + 1)?));
            }
        }
        bundled.push('\n');
    }
    Ok(bundled)
}

#[derive(Debug, PartialEq)]
enum Line<'a> {
    Import { name: &'a str, layer: Option<&'a str> },
    Other,
}

fn import(line: &str) -> Result<Line<'_>> {
    let Some(rest) = line.trim().strip_prefix("@import") else { return Ok(Line::Other) };
    let rest = rest.trim().strip_suffix(';').context("it does not end in ;")?;
    let quoted = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let (name, rest) = quoted.context("the file is not in double quotes")?;
    let name = name.strip_prefix("./").unwrap_or(name);
    if name.contains(':') || name.contains('/') {
        bail!("it is not a file of the folder style");
    }
    let layer = match rest.trim() {
        "" => None,
        rest => {
            let inner = rest.strip_prefix("layer(").and_then(|rest| rest.strip_suffix(')'));
            Some(inner.context("only layer(name) may follow the file")?)
        }
    };
    Ok(Line::Import { name, layer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Line<'_>) {
        assert_eq!(import(line).unwrap(), expected);
    }

    #[test]
    fn imports_are_understood_with_and_without_a_layer() {
        check(".card { color: red }", Line::Other);
        check("@import \"card.css\";", Line::Import { name: "card.css", layer: None });
        check("  @import \"./card.css\" layer(parts);", Line::Import { name: "card.css", layer: Some("parts") });
    }

    #[test]
    fn an_import_from_elsewhere_is_refused() {
        import("@import \"https://example.org/a.css\";").unwrap_err();
        import("@import url(card.css);").unwrap_err();
        import("@import \"card.css\" print;").unwrap_err();
    }
}
