//! Help that teaches.

use crate::world::dv_load;

#[test]
fn help_shows_what_to_type_and_what_the_exit_codes_mean() {
    let output = dv_load().arg("--help").output().unwrap();
    assert!(output.status.success());
    insta::assert_snapshot!("help", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_rate_without_a_plan_is_wrong_usage() {
    let output = dv_load().args(["--rate", "10"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
