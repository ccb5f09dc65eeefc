//! `countersign stream`, and the client that a receiver is.

use serde_json::json;

use crate::Desk;

#[test]
fn a_stream_that_is_not_there_is_not_found() {
    let desk = Desk::new();
    let id = "019a0000-0000-7000-8000-000000000000";

    assert_eq!(desk.json("stream list"), json!({ "streams": [] }));
    for command in ["enable", "pause", "disable", "delete"] {
        let failure = desk.failure(&format!("stream {command} {id}"));
        assert_eq!(failure.1["error"], "not_found", "{command}");
    }
    assert_eq!(desk.failure("stream delete not-an-id").1["error"], "usage");
}

#[test]
fn a_client_through_which_people_sign_in_may_speak_for_itself_too() {
    let desk = Desk::new();
    let sign_in = "--grant authorization_code --redirect-uri https://web.example/cb";
    desk.json(&format!("client create web {sign_in}"));
    desk.json(&format!("client create spa {sign_in} --auth none"));

    let may = desk.json("client update web --client-credentials");
    let may_not = desk.json("client update web --client-credentials=false");
    let public = desk.failure("client update spa --client-credentials");

    assert_eq!(may["grants"], json!(["authorization_code", "client_credentials"]));
    assert_eq!(may_not["grants"], json!(["authorization_code"]));
    assert_eq!(public.1["error"], "grant_refused");
}
