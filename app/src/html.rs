//! Text for places where Leptos writes text as it is.

/// Text of somebody's for the inside of `<title>` and `<textarea>`, which the server does not escape there
/// (leptos_meta 0.8, tachys 0.2). In the browser such text is set as text, and stays what it is.
pub fn escaped(text: String) -> String {
    #[cfg(feature = "ssr")]
    return html_escape::encode_text(&text).into_owned();
    #[cfg(not(feature = "ssr"))]
    text
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn nothing_closes_the_element_that_it_stands_in() {
        assert_eq!(escaped("</textarea>&lt;".to_owned()), "&lt;/textarea&gt;&amp;lt;");
    }
}
