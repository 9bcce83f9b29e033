//! Signing in and out: tokens, one-time links, cookies, and what is kept of them.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::json;

use crate::support::{ADMIN_TOKEN, Answer, Baton, browser};

async fn overview(baton: &Baton, session: &str) -> Answer {
    baton.send(Request::get("/api/v1/overview").header(header::COOKIE, session).body(Body::empty()).unwrap()).await
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[tokio::test]
async fn the_admin_token_opens_a_session_that_only_http_can_read() {
    let baton = Baton::start().await;

    let answer = baton.sign_in(&[("token", ADMIN_TOKEN), ("name", "mina"), ("next", "/messages?state=dead")]).await;

    assert_eq!((answer.status, answer.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/messages?state=dead"));
    let cookie = answer.header(header::SET_COOKIE);
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
        assert!(cookie.split("; ").any(|given| given == part), "{part} is missing in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert_eq!(overview(&baton, &answer.session()).await.status, StatusCode::OK);
    baton.stop().await;
}

#[tokio::test]
async fn over_https_the_cookie_is_secure() {
    let baton = Baton::start_with(|settings| {
        settings.admin_token = Some(ADMIN_TOKEN.to_owned());
        settings.public_url = Some("https://baton.example.com".parse().unwrap());
    })
    .await;
    let answer = baton.sign_in(&[("token", ADMIN_TOKEN)]).await;
    assert!(answer.header(header::SET_COOKIE).ends_with("; Secure"), "{:?}", answer.headers);
    baton.stop().await;
}

#[tokio::test]
async fn a_link_signs_in_once_and_looking_at_it_does_not_use_it_up() {
    let baton = Baton::start_with(|_| {}).await;
    assert!(!baton.api.access.has_way_in().await.unwrap());
    let link = baton.api.access.make_link().await.unwrap();
    assert!(!baton.api.access.has_way_in().await.unwrap(), "a link that nobody used is no way in");

    // A mail scanner looks twice.
    for _ in 0..2 {
        let page = baton.send(browser(&format!("/sign-in?link={link}")).body(Body::empty()).unwrap()).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text().contains(&format!("value=\"{link}\"")), "{}", page.text());
        assert!(page.headers.get(header::SET_COOKIE).is_none());
    }
    let first = baton.sign_in(&[("link", &link), ("name", "mina")]).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    assert_eq!(overview(&baton, &first.session()).await.status, StatusCode::OK);
    assert!(baton.api.access.has_way_in().await.unwrap());

    let second = baton.sign_in(&[("link", &link), ("name", "mina")]).await;
    assert_eq!(second.status, StatusCode::UNAUTHORIZED);
    assert!(second.text().contains("used already"), "{}", second.text());
    assert!(second.headers.get(header::SET_COOKIE).is_none());
    baton.stop().await;
}

#[tokio::test]
async fn secrets_are_hashed_at_rest() {
    let baton = Baton::start().await;
    let made = baton.post("/api/v1/tokens", json!({"name": "shop-of-the-test"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let link = baton.api.access.make_link().await.unwrap();
    let signed_in = baton.sign_in(&[("token", &token), ("name", "shop-of-the-test")]).await;
    let session = signed_in.session();
    assert_eq!(overview(&baton, &session).await.status, StatusCode::OK);

    let stored = baton.stored();

    assert!(contains(&stored, "shop-of-the-test"), "the file that was looked at is not the database");
    for secret in
        [token.trim_start_matches("baton_"), link.as_str(), session.trim_start_matches("baton_session="), ADMIN_TOKEN]
    {
        assert!(!contains(&stored, secret), "a secret stands in the database");
    }
    // The token works, and is somebody.
    let request = Request::get("/api/v1/overview").header(header::AUTHORIZATION, format!("Bearer {token}"));
    assert_eq!(baton.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
    baton.stop().await;
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let baton = Baton::start().await;
    let session = baton.sign_in(&[("token", ADMIN_TOKEN)]).await.session();
    let request = Request::post("/sign-out").header(header::COOKIE, &session);

    let answer = baton.send(request.body(Body::empty()).unwrap()).await;

    assert_eq!((answer.status, answer.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/sign-in"));
    assert!(answer.header(header::SET_COOKIE).contains("Max-Age=0"));
    overview(&baton, &session).await.problem(401, "signed-out");
    baton.stop().await;
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let baton = Baton::start().await;
    for _ in 0..10 {
        let answer = baton.sign_in(&[("token", "guess")]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.text().contains("role=\"alert\""), "{}", answer.text());
    }
    let answer = baton.sign_in(&[("token", ADMIN_TOKEN)]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.header(header::RETRY_AFTER).parse::<u64>().unwrap() <= 61);
    assert!(answer.headers.get(header::SET_COOKIE).is_none());
    baton.stop().await;
}

#[tokio::test]
async fn what_was_typed_comes_back_as_text_and_leads_nowhere_else() {
    let baton = Baton::start().await;
    let answer = baton.sign_in(&[("token", "wrong"), ("name", "<script>x</script>"), ("next", "\"><script>")]).await;
    assert!(!answer.text().contains("<script>"), "{}", answer.text());
    let answer = baton.sign_in(&[("token", ADMIN_TOKEN), ("next", "https://evil.example/")]).await;
    assert_eq!(answer.header(header::LOCATION), "/");
    baton.stop().await;
}
