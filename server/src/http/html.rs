//! The few pages that stand without the app: sign-in, and problems. Plain HTML, no scripts.

use super::problem::Problem;

/// Text as it may stand in an element or a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A whole page: `title` is text, `body` is HTML.
pub fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Baton</title>
<link rel="stylesheet" href="/door.css">
<link rel="icon" href="/pkg/icons/baton.svg" type="image/svg+xml">
</head>
<body>
<main>
<p class="brand"><img src="/pkg/icons/baton.svg" width="24" height="24" alt="">Baton</p>
{body}
</main>
</body>
</html>
"#
    )
}

pub fn problem_page(problem: &Problem) -> String {
    let id = problem.instance.as_ref().map(|id| format!("<p class=\"hint\">{}</p>", escape(id))).unwrap_or_default();
    let body = format!(
        "<h1>{}</h1>\n<p>{}</p>\n{id}\n<p><a href=\"/\">Back to the overview</a></p>",
        escape(&problem.title),
        escape(&problem.detail)
    );
    page(&problem.title, &body)
}

/// The style of these pages. It stands on its own, so that they look right before anybody may load the app's.
pub const STYLE: &str = include_str!("door.css");
