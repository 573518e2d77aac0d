//! What the macros expand to, so that a change of generated code is seen in a review.

use proc_macro2::TokenStream;
use quote::quote;

use crate::component::attribute;
use crate::component::model::Kind;
use crate::topology::topology;

fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).expect("the expansion is Rust"))
}

#[test]
fn server() {
    let block = quote! {
        /// Greets.
        impl MyServer {
            /// Says hello.
            fn greet(&mut self, name: &str, call: &Call) -> String {
                format!("hello {name}")
            }
            #[palm(name = "bye-bye")]
            #[deprecated]
            fn bye(&self) {}
            #[palm(skip)]
            fn hidden(self) {}
            fn handle_stream(&mut self, message: &mut Message) -> Topic {
                Topic::from("topic")
            }
        }
    };
    insta::assert_snapshot!(pretty(attribute(Kind::Server, TokenStream::new(), block)));
}

#[test]
fn worker_with_cfg_and_constructor() {
    let block = quote! {
        impl MyWorker {
            #[cfg(unix)]
            fn always(&mut self) {}
            fn sometimes(&mut self, message: Cow<'a, [u8]>) -> Result<Vec<u8>, Error> {}
            #[cfg(unix)]
            fn started(&mut self) {}
        }
    };
    insta::assert_snapshot!(pretty(attribute(Kind::Worker, quote!(constructor = Self::new), block)));
}

#[cfg(feature = "tokio")]
#[test]
fn async_methods() {
    let block = quote! {
        impl MyServer {
            async fn find(&self, key: &str, call: &Call<'_>) -> Result<String, Error> {}
            async fn ping(&self) {}
            fn add(&mut self, key: String) {}
        }
    };
    insta::assert_snapshot!(pretty(attribute(Kind::Server, TokenStream::new(), block)));
}

#[test]
fn master_without_hooks() {
    insta::assert_snapshot!(pretty(attribute(Kind::Master, TokenStream::new(), quote!(impl MyMaster {}))));
}

#[test]
fn server_after_a_mistake() {
    let block = quote! {
        impl MyServer {
            fn new() -> Self {}
        }
    };
    insta::assert_snapshot!(pretty(attribute(Kind::Server, TokenStream::new(), block)));
}

#[test]
fn master_topology() {
    let tokens = quote! {
        /// A master.
        pub struct Master {
            inbound Pull: PullService { max: 3 } = "tcp://127.0.0.1:5555" => WorkerPush, blocking, scatter, log "in";
            outbound WorkerPush: WorkerPushService = address();
            /// For everyone.
            bypass Cache: CacheService = "tcp://127.0.0.1:5555";
        }
    };
    insta::assert_snapshot!(pretty(topology(tokens)));
}
