use palm::Message;
use palm::http::HttpWorker;
use palm::wire::Code;

use crate::parts::{Work, http};
use crate::raw::{call, get, request, say};
use crate::support::guarded;

#[test]
fn a_method_answers_with_the_same_message() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).address("127.0.0.1:0").threads(2).start().unwrap();
        let answer = call(&http(&worker), "anybody.shout", "hello");
        assert_eq!((answer.status, answer.message().payload()), (200, &"HELLO".into()));
        assert!(answer.has("content-type: application/octet-stream"), "{}", answer.head);
        assert_eq!(call(&http(&worker), "x.name", "").message().payload(), "web_worker");
        assert_eq!(call(&http(&worker), "x.echo", "as it is").message().payload(), "as it is");
    });
}

#[test]
fn a_classic_caller_gets_a_status_and_ours_gets_the_reason() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).start().unwrap();
        for (function, status, code) in [
            ("x.fail", 500, Code::MethodFailed),
            ("x.panic", 500, Code::MethodPanicked),
            ("x.what", 404, Code::UnknownMethod),
            ("shout", 404, Code::UnknownMethod),
        ] {
            let answer = call(&http(&worker), function, "way");
            assert_eq!((answer.status, &answer.body[..]), (status, &b""[..]), "{function}");
            let body = Message::new(function, "way").encode();
            let answer = say(&http(&worker), &request("POST", "/", "palm-errors: 1\r\n", &body));
            assert_eq!(answer.status, status, "{function}");
            let error = answer.message().error().unwrap();
            assert_eq!((Code::from(error.code), &*error.component), (code, "web_worker"), "{function}");
        }
    });
}

#[test]
fn a_payload_that_the_method_does_not_take_is_a_bad_request() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).start().unwrap();
        let body = Message::new("x.shout", &b"\xff"[..]).encode();
        assert_eq!(say(&http(&worker), &request("POST", "/", "", &body)).status, 400);
        let answer = get(&http(&worker), "/");
        assert_eq!((answer.status, answer.has("allow: POST".to_lowercase().as_str())), (405, true), "{}", answer.head);
    });
}

#[test]
fn a_worker_is_mounted_in_a_server_of_ones_own() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).token("secret").service().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let app = axum::Router::new()
            .route("/", axum::routing::get(|| async { "hello" }))
            .route_service("/worker", worker.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        assert_eq!(get(&address, "/").text(), "hello");
        let body = Message::new("x.shout", "hello").encode();
        let answer = say(&address, &request("POST", "/worker", "authorization: Bearer secret\r\n", &body));
        assert_eq!((answer.status, answer.message().payload()), (200, &"HELLO".into()));
        assert_eq!(say(&address, &request("POST", "/worker", "", &body)).status, 401);
        worker.handle().shutdown();
        crate::support::until("its end", || worker.handle().has_ended());
        let answer = say(&address, &request("POST", "/worker", "authorization: Bearer secret\r\n", &body));
        assert_eq!(answer.status, 503);
    });
}
