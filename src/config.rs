//! stub
/// path
pub const PATH: &str = "_config.yml";
/// excluded
pub fn excluded(_text: &str) -> Vec<String> {
    vec!["public".into(), "target".into()]
}
