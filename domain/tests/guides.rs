//! What the README and the guides show has to be right: every whole definition in them is read and checked.

use baton_domain::definition;

#[test]
fn every_definition_in_the_readme_and_the_guides_is_valid() {
    let texts = [include_str!("../../README.md"), include_str!("../../docs/guides/definitions.md")];
    let blocks: Vec<&str> = texts
        .iter()
        .flat_map(|text| text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next()))
        // An ellipsis stands for what is left out.
        .filter(|block| block.starts_with("baton:") && !block.contains('…'))
        .collect();
    assert!(blocks.len() >= 2, "there are definitions to check");
    for block in blocks {
        let checked = definition::check(block);
        assert_eq!(checked.diagnostics, [], "in this definition:\n{block}");
    }
}
