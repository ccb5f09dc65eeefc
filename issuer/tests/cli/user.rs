//! `countersign user`: credentials and links.

use serde_json::{Value, json};
use std::process::Output;

use crate::Desk;

#[test]
fn a_user_gets_a_password_and_a_link_and_loses_them() {
    let desk = Desk::new();
    let create = "user create ada --email ada@example.com --email-verified --password-stdin";

    let weak = desk.output_with(create, "password\n");
    let made = desk.json_with(create, "correct horse battery\n");
    let listed = desk.json("user list-credentials ADA");
    let set = desk.json_with("user set-password ada", "another horse battery\r\n");
    let hash = "$2b$04$ie4lZQEaR45L0UqFcXI.Luo.uog0AhT96r41rsx7JyZBCCD4/JIbe";
    let imported = desk.json_with("user import-hash ada", hash);
    let foreign = desk.output_with("user import-hash ada", "5f4dcc3b5aa765d61d8327deb882cf99");
    let link = desk.json("user reset-link ada");
    let invitation = desk.json("user reset-link ada --invite");
    let removed = desk.json("user remove-credential ada password");
    let (code, again) = desk.failure("user remove-credential ada password");
    let emptied = desk.json("user list-credentials ada");

    let failure = |output: &Output| serde_json::from_slice::<Value>(&output.stderr).unwrap();
    assert_eq!(failure(&weak)["error"], "password_common");
    assert_eq!(made["username"], "ada", "the weak password registered nobody");
    assert_eq!((&listed["user_id"], &listed["email_verified"]), (&made["id"], &json!(true)));
    assert_eq!(listed["password"]["scheme"], "argon2id");
    assert_eq!((&listed["totp"], &listed["recovery_codes"]), (&Value::Null, &json!(0)));
    assert_eq!(set, json!({ "password_set": "ada" }));
    assert_eq!(imported, json!({ "imported": "ada", "scheme": "bcrypt" }));
    assert_eq!(failure(&foreign)["error"], "hash_format_unknown");
    let url = link["link"].as_str().unwrap();
    assert!(url.starts_with("http://localhost:8080/reset-password?token="), "{url}");
    assert!(link["expires_at"].is_i64() && link["purpose"] == "password_reset");
    assert_eq!(invitation["purpose"], "invite");
    assert_eq!(removed, json!({ "username": "ada", "removed": "password" }));
    assert_eq!((code, &again["error"]), (1, &json!("not_found")));
    assert!(again["hint"].as_str().unwrap().contains("user list-credentials ada"));
    assert_eq!((&emptied["password"], &emptied["passkeys"]), (&Value::Null, &json!([])));
}

#[test]
fn r33_no_file_of_the_data_folder_holds_a_password_its_hash_or_a_link() {
    let desk = Desk::new();

    desk.json_with("user create ada --password-stdin", "correct horse battery");
    let link = desk.json("user reset-link ada");

    let token = link["link"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
    let canaries = ["correct horse battery", "$argon2id$", token.as_str()];
    for file in std::fs::read_dir(desk.path("data")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for canary in canaries {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{canary}");
        }
    }
}

#[test]
fn a_user_is_signed_out_of_everything() {
    let desk = Desk::new();
    desk.json("user create ada");

    let signed_out = desk.json("user sign-out ADA");
    let (code, unknown) = desk.failure("user sign-out eve");

    assert_eq!(signed_out, json!({ "signed_out": "ADA", "sessions": 0 }));
    assert_eq!((code, &unknown["error"]), (1, &json!("not_found")));
}

#[test]
fn what_is_known_of_a_person_is_written_by_the_names_of_the_claims() {
    let desk = Desk::new();

    let made = desk.json("user create ada --claim name=Ada --claim locale=en");
    let changed = desk.json("user update ada --claim address.country=UK --claim locale=");
    let (code, unknown) = desk.failure("user update ada --claim sub=root");

    assert_eq!(made["claims"], json!({ "name": "Ada", "locale": "en" }));
    let left = json!({ "name": "Ada", "address": { "country": "UK" } });
    assert_eq!(changed["claims"], left);
    assert_eq!((code, &unknown["error"]), (1, &json!("invalid_value")));
}

#[test]
fn roles_and_groups_that_no_token_has_room_for_are_refused() {
    let desk = Desk::new();
    desk.json("user create ada");
    desk.json(
        "client create web --grant authorization_code --redirect-uri https://app.example/cb --scope openid \
         --resource https://payments.example --scope payments:read",
    );
    let groups = |count: usize| {
        (0..count).map(|n| format!("--group department-of-{n:03}")).collect::<Vec<_>>().join(" ")
    };

    let some = desk.json(&format!("user update ada --group staff {}", groups(10)));
    let (code, many) = desk.failure(&format!("user update ada {}", groups(200)));
    let (_, new) = desk.failure(&format!("user create bob {}", groups(200)));
    let (_, less) = desk.failure("resource update https://payments.example --max-token-bytes 1024");

    assert_eq!(some["groups"].as_array().unwrap().len(), 11);
    assert_eq!((code, &many["error"]), (1, &json!("token_too_large")));
    assert_eq!(new["error"], "token_too_large");
    assert_eq!(less["error"], "token_too_large");
    assert_eq!(desk.json("user show ada")["groups"], some["groups"], "nothing was written");
}

#[test]
fn without_mail_an_invitation_and_a_proof_are_printed_and_a_closed_issuer_invites_nobody() {
    let desk = Desk::new();
    let path = desk.path("countersign.toml");

    std::fs::write(&path, "[registration]\nmode = 'closed'").unwrap();
    let (code, closed) = desk.failure("user invite ada@example.com");
    std::fs::write(&path, "[registration]\nmode = 'invite'").unwrap();
    let invitation = desk.json("user invite ada@example.com --role auditor --group staff");
    let wrong = desk.output_with("user invite ada@example.com,eve@example.com", "");
    desk.json_with("user create eve --email eve@example.com", "");
    let proof = desk.json("user verify-email eve --language fr");
    desk.json_with("user create bob", "");
    let (_, no_email) = desk.failure("user verify-email bob");

    assert_eq!((code, &closed["error"]), (1, &json!("registration_closed")));
    assert!(closed["hint"].as_str().unwrap().contains("reset-link --invite"));
    let link = invitation["link"].as_str().unwrap();
    assert!(link.starts_with("http://localhost:8080/create-account?token="), "{link}");
    assert_eq!(invitation["kind"], "invitation");
    assert!(!wrong.status.success());
    let link = proof["link"].as_str().unwrap();
    assert!(link.starts_with("http://localhost:8080/verify-email?token="), "{link}");
    assert_eq!(no_email["error"], "no_email");
}

#[test]
fn an_invitation_that_no_server_takes_says_so_and_prints_no_link() {
    let desk = Desk::new();
    let mail = "[mail]\ntransport = 'smtp'\nhost = 'localhost'\nport = 1\ntls = 'none'\n\
                from = 'a@example.com'\n[registration]\nmode = 'invite'";
    std::fs::write(desk.path("countersign.toml"), mail).unwrap();

    let (code, failure) = desk.failure("user invite ada@example.com");
    let printed = desk.json("user invite ada@example.com --print");

    assert_eq!((code, &failure["error"]), (1, &json!("mail_not_sent")));
    assert!(!failure.to_string().contains("token="), "{failure}");
    assert!(printed["link"].as_str().unwrap().contains("token="));
}
