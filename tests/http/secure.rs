//! Who may call, and from where.

use palm::http::{GatewayRouter, HttpConnection, HttpGateway, HttpService, HttpWorker};
use palm::part::Methods;
use palm::topology::Route;
use palm::{Error, Handle, ServerTemplate};

use crate::parts::{Work, http};
use crate::raw::{call, request, say};
use crate::support::{guarded, logged};

fn service(service: HttpService) -> ServerTemplate {
    ServerTemplate::new("loud")
        .service(Work)
        .register_inbound("Http", service, Route::to("Methods").blocking())
        .register_outbound("Methods", Methods::default(), Route::exterior())
}

fn gateway(gateway: HttpGateway) -> ServerTemplate {
    ServerTemplate::new("server")
        .service(Work)
        .register_inbound(
            "GatewayRouter",
            GatewayRouter::new("inproc://gateway_router"),
            Route::to("Methods").blocking(),
        )
        .register_outbound("Methods", Methods::default(), Route::exterior())
        .register_bypass("HttpGateway", gateway)
}

const HERE: &str = "http://127.0.0.1:*";

#[test]
fn only_who_brings_the_token_is_served() {
    guarded(|| {
        let all: [Handle; 3] = [
            service(HttpService::new(HERE).token("a-canary")).start().unwrap(),
            gateway(HttpGateway::new(HERE).token("a-canary")).start().unwrap(),
            HttpWorker::new("web_worker", Work).token("a-canary").start().unwrap(),
        ];
        let body = palm::Message::new("server.shout", "hello").encode();
        for handle in all.iter() {
            for headers in ["", "authorization: Bearer wrong\r\n", "authorization: Basic secret\r\n"] {
                let answer = say(&http(handle), &request("POST", "/shout", headers, &body));
                assert_eq!((answer.status, answer.has("www-authenticate: bearer")), (401, true), "{headers}");
                assert!(!answer.text().contains("a-canary"));
            }
            let answer = say(&http(handle), &request("POST", "/shout", "authorization: Bearer a-canary\r\n", &body));
            assert_ne!(answer.status, 401);
        }
        drop(all);
        assert_eq!(logged(&["a-canary"]), 0, "a token is in the log");
    });
}

#[test]
fn a_connection_brings_its_token() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).token("a-canary").start().unwrap();
        let proxy = |connection: HttpConnection| {
            ServerTemplate::new("proxy")
                .register_inbound("Http", HttpService::new(HERE), Route::to("Web").blocking())
                .register_outbound("Web", connection, Route::exterior())
                .start()
                .unwrap()
        };
        let with = proxy(HttpConnection::new(http(&worker)).token("a-canary"));
        assert_eq!(call(&http(&with), "x.shout", "a").message().payload(), "A");
        let without = proxy(HttpConnection::new(http(&worker)));
        let error = call(&http(&without), "x.shout", "a").message().error().unwrap();
        assert!(error.text.contains("answered 401"), "{}", error.text);
    });
}

#[test]
fn a_token_that_protects_nothing_is_refused() {
    for token in ["", "two words", "line\nbreak"] {
        let error = service(HttpService::new(HERE).token(token)).start().unwrap_err().to_string();
        assert!(error.contains("token"), "{error}");
        let error = HttpWorker::new("web_worker", Work).token(token).start().unwrap_err().to_string();
        assert!(error.contains("token"), "{error}");
    }
    assert!(!format!("{:?}", HttpService::new(HERE).token("hush")).contains("hush"));
}

#[test]
fn beyond_loopback_something_protects_or_it_is_said() {
    let wide = "http://0.0.0.0:0";
    let refused = [
        service(HttpService::new(wide)).start(),
        gateway(HttpGateway::new(wide)).start(),
        gateway(HttpGateway::new("inproc://gateway_router").hostname("0.0.0.0")).start(),
        HttpWorker::new("web_worker", Work).address("http://*:*").start(),
    ];
    for started in refused {
        let error = started.unwrap_err();
        assert!(matches!(error, Error::Insecure { .. }) && error.to_string().contains("http://0.0.0.0:0"), "{error}");
    }
    let allowed = [
        service(HttpService::new(wide)).insecure().advertise("example.org").start(),
        gateway(HttpGateway::new(wide).token("a-canary")).advertise("example.org").start(),
        HttpWorker::new("web_worker", Work).address(wide).insecure().advertise("example.org").start(),
    ];
    for started in allowed {
        assert!(http(&started.unwrap()).starts_with("http://example.org:"));
    }
}
