use super::*;

#[test]
fn the_shipped_definitions_parse_without_a_warning() {
    for (name, text) in shipped() {
        let parsed = parse(text).unwrap_or_else(|found| panic!("{name}: {found:#?}"));
        assert_eq!(parsed.definition.name(), name);
        assert_eq!(parsed.warnings, [], "{name}");
    }
}
