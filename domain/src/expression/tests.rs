use std::{thread, time::Instant};

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::strategies::any_json;

fn now() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn vars() -> Value {
    json!({
        "quotes": [
            {"code": "KE1", "price": 420, "fare": {"tax": 20}},
            {"code": "OZ2", "price": 310.5, "fare": {"tax": 30}},
            {"code": "LJ3", "price": 310.5, "fare": {"tax": 10}},
        ],
        "names": {"b": 1, "a": 2, "c": 3},
        "prices": [1, 2, 3], "empty": [], "mixed": [1, "x"], "big": 9_007_199_254_740_993_i64,
        "wide": u64::MAX, "text": "trip", "nothing": null,
    })
}

fn evaluate(source: &str) -> Result<Value, Failure> {
    let vars = vars();
    let scope = Scope::new().with("vars", Root::Json(&vars)).with("now", Root::Instant(now()));
    Expression::compile(source).unwrap_or_else(|invalid| panic!("{source}: {invalid}")).evaluate(&scope)
}

#[track_caller]
fn check(source: &str, expected: Value) {
    assert_eq!(evaluate(source).unwrap_or_else(|failure| panic!("{failure}")), expected, "{source}");
}

#[track_caller]
fn fails(source: &str, reason: &str) {
    let failure = evaluate(source).unwrap_err().to_string();
    assert!(failure.contains(reason), "{source}: {failure}");
}

#[track_caller]
fn refused(source: &str, reason: &str) {
    let invalid = Expression::compile(source).unwrap_err().to_string();
    assert!(invalid.contains(reason), "{source}: {invalid}");
}

#[test]
fn json_goes_in_and_comes_out_unchanged() {
    check("vars", vars());
    check("vars.big + 1", json!(9_007_199_254_740_994_i64));
    check("vars.wide", json!(u64::MAX));
    check("1.5 + 1.5", json!(3.0));
    check("{'a': [1, true, null, 'x']}", json!({"a": [1, true, null, "x"]}));
    check("{1: 'a', true: 'b'}", json!({"1": "a", "true": "b"}));
}

#[test]
fn instants_and_durations_become_texts() {
    check("now", json!("2026-11-23T09:00:00Z"));
    check("now + duration('90m')", json!("2026-11-23T10:30:00Z"));
    check("timestamp('2026-11-24T09:00:00Z') - now", json!("P1D"));
    check("now.getFullYear()", json!(2026));
}

#[test]
fn the_cheapest_and_the_dearest_are_found() {
    check("vars.quotes.min_by('price').code", json!("OZ2"));
    check("vars.quotes.max_by(\"price\").code", json!("KE1"));
    check("vars.quotes.min_by('fare.tax').code", json!("LJ3"));
    fails("vars.empty.min_by('price')", "the list is empty");
    fails("vars.quotes.min_by('weight')", "no field `weight`");
    fails("vars.quotes.min_by('fare')", "cannot order");
    fails("vars.text.min_by('price')", "min_by");
}

#[test]
fn lists_are_sorted_summed_and_opened() {
    check("vars.quotes.sort_by('price').map(q, q.code)", json!(["OZ2", "LJ3", "KE1"]));
    check("vars.prices.sum()", json!(6));
    check("vars.quotes.sum('price')", json!(1041.0));
    check("vars.empty.sum()", json!(0));
    check("vars.prices.first()", json!(1));
    fails("vars.mixed.sum()", "cannot add");
    fails("vars.empty.first()", "the list is empty");
    fails("[9223372036854775807, 1].sum()", "too large");
    fails("vars.mixed.map(x, {'k': x}).sort_by('k')", "cannot order");
}

#[test]
fn comprehensions_work_under_the_meter() {
    check("vars.quotes.filter(q, q.price < 400).map(q, q.code + '!')", json!(["OZ2!", "LJ3!"]));
    check("vars.quotes.all(q, q.price > 1)", json!(true));
    check("vars.quotes.exists(q, q.code == 'KE1' && q.code in ['KE1'])", json!(true));
    check("vars.quotes.exists_one(q, q.price == 310.5)", json!(false));
    check("vars.prices.map(a, vars.prices.map(b, a * b))", json!([[1, 2, 3], [2, 4, 6], [3, 6, 9]]));
    check("has(vars.text) && !has(vars.absent) && vars.?absent.orValue(1) == 1", json!(true));
    check("vars.prices.map(p, optional.of(p).orValue(0))", json!([1, 2, 3]));
    check("vars.prices.filter(p, p > 1).size()", json!(2));
}

#[test]
fn maps_are_walked_in_the_order_of_their_keys() {
    for _ in 0..20 {
        check("vars.names.map(name, name)", json!(["a", "b", "c"]));
    }
}

#[test]
fn failures_say_what_and_why() {
    fails("vars.absent", "absent");
    fails("event.payload", "event");
    fails("1 / 0", "zero");
    fails("9223372036854775807 + 1", "verflow");
    fails("vars.text + 1", "text");
    fails("1.0 / 0.0", "no finite number");
    fails("'a\\u0000b'", "NUL");
    assert!(matches!(
        Expression::compile("1").unwrap().test(&Scope::new()),
        Err(Failure::WrongType { got: "a number", .. })
    ));
}

#[test]
fn what_does_not_parse_is_refused_with_its_column() {
    refused("vars.", "line 1");
    refused("vars. + ", "column");
    refused("", "line 1");
    refused("a b", "line 1");
    refused("Money{amount: 1}", "no type `Money`");
    refused("@charge(1, 2)", "line 1");
}

#[test]
fn bounds_of_source_and_nesting_are_kept() {
    refused(&"1+".repeat(2_100), "4096 bytes");
    refused(&format!("{}1", "1+".repeat(251)), "250 operators");
    refused(&format!("{}1{}", "(".repeat(25), ")".repeat(25)), "24 deep");
    refused(&format!("{}1", "1+".repeat(100)), "64 deep");
    refused("[1].map(a, [1].map(b, [1].map(c, [1].map(d, 1))))", "3 deep");
    refused("'a'.matches('a{9}')", "literal text");
    refused("'a'.matches(vars.text)", "literal text");
    assert!(Expression::compile(&format!("{}1", "1+".repeat(60))).is_ok());
    check("'2026-11-23'.matches('^[0-9]+-[0-9]+')", json!(true));
}

#[test]
fn a_thread_with_a_small_stack_can_compile_and_evaluate_the_worst() {
    let worst = [
        format!("{}1{}", "(".repeat(24), ")".repeat(24)),
        format!("{}1{}", "[".repeat(24), "]".repeat(24)),
        format!("{}1", "1+".repeat(249)),
        format!("a{}", ".b".repeat(249)),
        format!("{}true", "!".repeat(249)),
        format!("{}true", "true?".repeat(100)),
        format!("{}true", "true ? true : ".repeat(100)),
        format!("{}1", "-".repeat(249)),
        format!("a{}", ".f()".repeat(200)),
        format!("{}true", "true && ".repeat(190)),
        format!("a{}", "[0]".repeat(249)),
    ];
    let run = move || {
        for source in worst {
            if let Ok(expression) = Expression::compile(&source) {
                let _ = expression.evaluate(&Scope::new());
            }
        }
    };
    thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
#[allow(clippy::disallowed_methods, reason = "it measures how long evaluation takes")]
fn what_would_run_for_ever_is_stopped_soon() {
    let list: Vec<i64> = (0..5_000).collect();
    let text = "x".repeat(200_000);
    let vars = json!({"list": list, "text": text});
    let scope = Scope::new().with("vars", Root::Json(&vars));
    for source in [
        "vars.list.all(a, vars.list.all(b, vars.list.all(c, a + b + c >= 0)))",
        "vars.list.map(a, vars.list.map(b, vars.list))",
        "vars.list.map(a, vars.text)",
        "vars.list.map(a, vars.text + vars.text).size()",
        "vars.list.exists(a, vars == vars && false)",
        "vars.list.map(a, vars.list.map(b, {'k': b}).sort_by('k'))",
        "vars.list.exists(a, vars.text.matches('(x+x+)+y'))",
        "vars.list.exists(a, vars.list.exists(b, vars.text < vars.text))",
        "[vars.text].map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a)\
         .map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).size()",
        "[[1]].map(a, a+a).map(a, [a,a,a,a,a,a,a,a]).map(a, [a,a,a,a,a,a,a,a]).map(a, [a,a,a,a,a,a,a,a])\
         .map(a, [a,a,a,a,a,a,a,a]).map(a, [a,a,a,a,a,a,a,a]).map(a, [a,a,a,a,a,a,a,a]).map(a, [a,a,a,a,a,a,a,a])",
    ] {
        let expression = Expression::compile(source).unwrap();
        let started = Instant::now();
        let outcome = expression.evaluate(&scope);
        assert!(matches!(outcome, Err(Failure::TooMuchWork { .. })), "{source}: {:?}", outcome.map(|_| "a value"));
        assert!(started.elapsed().as_secs() < 10, "{source} took {:?}", started.elapsed());
    }
}

#[test]
fn data_and_results_are_bounded() {
    let vars = json!({"text": "x".repeat(DATA_BYTES_MAX)});
    let scope = Scope::new().with("vars", Root::Json(&vars)).with("now", Root::Instant(now()));
    assert!(matches!(
        Expression::compile("vars.text.size() > 0").unwrap().evaluate(&scope),
        Err(Failure::TooMuchData { .. })
    ));
    let vars = json!({"text": "x".repeat(DATA_BYTES_MAX - 100)});
    let scope = Scope::new().with("vars", Root::Json(&vars));
    assert!(Expression::compile("vars.text").unwrap().evaluate(&scope).is_ok());
    let failure = Expression::compile("vars.text + vars.text").unwrap().evaluate(&scope).unwrap_err();
    assert!(failure.to_string().contains("result is larger"), "{failure}");
}

#[test]
fn an_expression_knows_what_it_reads() {
    let expression = Expression::compile(
        "vars.quotes.filter(q, q.price < input.max && type(q) == map).size() > vars.limit ? vars['x'] : [now]",
    )
    .unwrap();
    assert_eq!(expression.roots().collect::<Vec<_>>(), ["input", "now", "vars"]);
    assert_eq!(expression.variables().collect::<Vec<_>>(), ["limit", "quotes"]);
    assert_eq!(expression.variables_tested().collect::<Vec<_>>(), [""; 0]);
    let guarded = "has(vars.a) ? vars.a : has(vars.b.c) || 'd' in vars || [1].exists(vars, has(vars.e))";
    let guarded = Expression::compile(guarded).unwrap();
    assert_eq!(guarded.variables().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(guarded.variables_tested().collect::<Vec<_>>(), ["a", "d"]);
}

#[test]
fn templates_fill_their_holes() {
    let mut found = Vec::new();
    let source = json!({"to": "=vars.text", "all": ["=1 + 1", 2, {"x": "==1"}], "plain": {"a": [null]}});
    let template = Template::compile(&source, "/payload", &mut found);
    assert_eq!(found, []);
    let vars = vars();
    let scope = Scope::new().with("vars", Root::Json(&vars));
    assert_eq!(
        template.evaluate(&scope).unwrap(),
        json!({"to": "trip", "all": [2, 2, {"x": "=1"}], "plain": {"a": [null]}})
    );
}

#[test]
fn broken_expressions_in_templates_are_all_reported() {
    let mut found = Vec::new();
    Template::compile(&json!({"a/b": ["x", "=1 +"], "c": "=)"}), "/payload", &mut found);
    let places: Vec<&str> = found.iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!(places, ["/payload/a~1b/1", "/payload/c"]);
}

proptest! {
    #[test]
    fn no_source_and_no_data_make_it_panic(
        source in "(vars|[a-z]{1,3}|[0-9]{1,3}|\\.|\\(|\\)|\\[|\\]|\\{|\\}|\\+|-|==|&&|\\?|:|,|'x'|map\\(a, |all\\(a, |sum\\(\\)| ){0,24}",
        data in any_json(),
    ) {
        if let Ok(expression) = Expression::compile(&source) {
            let _ = expression.evaluate(&Scope::new().with("vars", Root::Json(&data)));
        }
    }

    #[test]
    fn no_text_makes_the_compiler_panic(source in "\\PC{0,40}") {
        let _ = Expression::compile(&source);
    }
}
