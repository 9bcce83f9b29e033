//! The engine, asked. It is a bundle of its own, loaded with the first question.

use baton_domain::diagnostic::Diagnostic;
use serde_json::Value;

/// Asks, and hands the answer (JSON) or what is wrong to `then`. On the server nobody asks.
pub fn ask(question: &Value, then: Box<dyn FnOnce(Result<String, Vec<Diagnostic>>)>) {
    let then = move |answer: String| then(read(answer));
    #[cfg(feature = "hydrate")]
    browser::ask(&question.to_string(), Box::new(then));
    #[cfg(not(feature = "hydrate"))]
    drop((question, then));
}

/// An answer that begins with `!` is a list of findings.
fn read(answer: String) -> Result<String, Vec<Diagnostic>> {
    match answer.strip_prefix('!') {
        None => Ok(answer),
        Some(found) => Err(serde_json::from_str(found).unwrap_or_else(|_| {
            let message = format!("The engine cannot be asked: {found}. Reload the page and try again.");
            vec![Diagnostic::error("lab", "", message)]
        })),
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::wasm_bindgen::{JsValue, closure::Closure};
    use wasm_bindgen::prelude::wasm_bindgen;

    // A failed answer leaves the program in a state that nobody knows, so the next question gets a fresh one.
    #[wasm_bindgen(inline_js = "
        let lab;
        async function load() {
            const module = await import('/pkg/lab.js');
            await module.default();
            return module;
        }
        export function ask_lab(question, then) {
            lab ??= load();
            lab.then((module) => module.ask(question)).then(then, (error) => {
                lab = undefined;
                then('!' + error);
            });
        }
    ")]
    extern "C" {
        fn ask_lab(question: &str, then: JsValue);
    }

    pub fn ask(question: &str, then: Box<dyn FnOnce(String)>) {
        ask_lab(question, Closure::once_into_js(then));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_findings_are_told_apart() {
        assert_eq!(read("{}".to_owned()), Ok("{}".to_owned()));
        let found = vec![Diagnostic::error("syntax", "/a", "wrong")];
        assert_eq!(read(format!("!{}", serde_json::to_string(&found).unwrap())), Err(found));
        assert!(read("!TypeError: no".to_owned()).unwrap_err()[0].message.contains("TypeError: no"));
    }
}
