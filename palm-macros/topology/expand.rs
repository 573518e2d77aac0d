//! Model in, code out. Nothing here can fail.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::model::{Direction, Part, Target, Topology};
use crate::errors::Errors;
use crate::source::{ends, literal};

pub(super) fn expand(topology: &Topology) -> TokenStream {
    let addresses = topology.parts.iter().map(address).collect();
    let builder = builder(topology, addresses, &template(topology));
    let binds = topology
        .shared_addresses
        .iter()
        .map(|&(first, second)| binds_once(&topology.parts[first], &topology.parts[second]));
    let blocking = topology.blocking.iter().map(|(inbound, chain)| {
        let chain: Vec<_> = chain.iter().map(|&place| &topology.parts[place]).collect();
        gets_feedback(&topology.parts[*inbound], &chain)
    });
    quote!(#builder #(#binds)* #(#blocking)*)
}

/// After an error: the mistakes, and a topology that only compiles, so that nothing else is reported.
pub(super) fn stub(topology: &Topology, errors: Errors) -> TokenStream {
    let addresses = topology.parts.iter().map(|_| quote!(::palm::__private::Address::any())).collect();
    let builder = builder(topology, addresses, &quote!(::palm::__private::core::unreachable!()));
    let errors = errors.into_tokens();
    quote!(#errors #builder)
}

fn builder(topology: &Topology, addresses: Vec<TokenStream>, template: &TokenStream) -> TokenStream {
    let Topology { attributes, visibility, name, parts, .. } = topology;
    let private = quote!(::palm::__private);
    let fields: Vec<_> = parts.iter().map(|part| &part.setter).collect();
    let setters = parts.iter().map(|part| setter(topology, part));
    let forwards = forwards(topology);
    let debug = debug(topology);
    let doc = format!("A `{name}` of that name, as its topology has it.");
    quote! {
        #(#attributes)*
        #visibility struct #name {
            template: #private::ServerTemplate,
            #(#fields: #private::Address,)*
        }

        #[automatically_derived]
        #[allow(dead_code)]
        impl #name {
            #[doc = #doc]
            #[must_use]
            #visibility fn new(name: impl #private::core::convert::Into<#private::String>) -> Self {
                Self {
                    template: #private::ServerTemplate::new(name),
                    #(#fields: #addresses,)*
                }
            }

            #(#setters)*

            /// The parts and routes as a template, to which more can be registered.
            #visibility fn template(self) -> #private::ServerTemplate {
                #template
            }

            #forwards
        }

        #debug
    }
}

/// The address that holds until the builder method is called.
fn address(part: &Part) -> TokenStream {
    let private = quote!(::palm::__private);
    match &part.address {
        None => quote!(#private::Address::any()),
        Some(expression) => {
            let (first, _) = ends(expression);
            quote_spanned!(first=> <::palm::__private::Address as ::palm::__private::core::convert::From<_>>::from(#expression))
        }
    }
}

fn setter(topology: &Topology, part: &Part) -> TokenStream {
    let (visibility, setter, private) = (&topology.visibility, &part.setter, quote!(::palm::__private));
    let default = match part.address.as_ref().map(literal) {
        None => "the system chooses, on loopback".to_owned(),
        Some(Some(literal)) => format!("`{}`", literal.value()),
        Some(None) => "as the topology has it".to_owned(),
    };
    let mut doc = format!("The address of `{}`; by default {default}.", part.name);
    if !part.docs.is_empty() {
        doc.extend(["\n\n", &part.docs]);
    }
    quote! {
        #[doc = #doc]
        #[must_use]
        #visibility fn #setter(mut self, address: impl #private::core::convert::Into<#private::Address>) -> Self {
            self.#setter = #private::core::convert::Into::into(address);
            self
        }
    }
}

/// The template's own options.
fn forwards(topology: &Topology) -> TokenStream {
    let (visibility, private) = (&topology.visibility, quote!(::palm::__private));
    let into = quote!(#private::core::convert::Into);
    let options = [
        (
            "service",
            "The type whose methods or hooks the parts call.",
            quote!(service: impl #private::Service),
            quote!(service),
        ),
        ("cache", "The store behind the cache.", quote!(cache: impl #private::Cache), quote!(cache)),
        (
            "messages",
            "Ends after so many messages.",
            quote!(messages: #private::core::primitive::u64),
            quote!(messages),
        ),
        (
            "threads",
            "How many calls of methods that take `&self` may run at a time.",
            quote!(threads: #private::core::primitive::usize),
            quote!(threads),
        ),
        (
            "tasks",
            "How many calls of `async` methods may be under way at a time.",
            quote!(tasks: #private::core::primitive::usize),
            quote!(tasks),
        ),
        (
            "preset_cache",
            "An entry that the cache has from the start.",
            quote!(key: impl #into<#private::String>, value: impl #into<#private::Bytes>),
            quote!(key, value),
        ),
        ("log_level", "From which level on the component logs.", quote!(level: #private::Level), quote!(level)),
        (
            "context",
            "The context to share, so that `inproc://` reaches others.",
            quote!(context: &#private::Context),
            quote!(context),
        ),
        ("insecure", "Lets parts bind beyond loopback without encryption.", quote!(), quote!()),
        (
            "advertise",
            "The host that peers are told instead of a wildcard.",
            quote!(host: impl #into<#private::String>),
            quote!(host),
        ),
    ];
    let options = options.into_iter().map(|(name, doc, parameters, arguments)| {
        let name = Ident::new(name, Span::call_site());
        quote! {
            #[doc = #doc]
            #[must_use]
            #visibility fn #name(mut self, #parameters) -> Self {
                self.template = self.template.#name(#arguments);
                self
            }
        }
    });
    quote! {
        #(#options)*

        /// Starts it and waits until it has ended.
        ///
        /// # Errors
        /// If the topology cannot be run, or ended by a fault.
        #visibility fn run(self) -> #private::Result<()> {
            self.template().run()
        }

        /// Starts it on threads of its own.
        ///
        /// # Errors
        /// If the topology cannot be run.
        #visibility fn start(self) -> #private::Result<#private::Handle> {
            self.template().start()
        }
    }
}

fn debug(topology: &Topology) -> TokenStream {
    if topology.attributes.iter().any(|attribute| attribute.path().is_ident("derive")) {
        return TokenStream::new();
    }
    let (name, text, core) = (&topology.name, topology.name.to_string(), quote!(::palm::__private::core));
    quote! {
        #[automatically_derived]
        impl #core::fmt::Debug for #name {
            fn fmt(&self, f: &mut #core::fmt::Formatter<'_>) -> #core::fmt::Result {
                f.debug_struct(#text).finish_non_exhaustive()
            }
        }
    }
}

fn template(topology: &Topology) -> TokenStream {
    let registered = topology.parts.iter().map(|part| {
        let (name, made) = (part.name.to_string(), made(part));
        let route = route(topology, part);
        let place = ends(&part.name).0;
        match part.direction {
            Direction::Inbound => quote_spanned!(place=> .register_inbound(#name, #made, #route)),
            Direction::Outbound => quote_spanned!(place=> .register_outbound(#name, #made, #route)),
            Direction::Bypass => quote_spanned!(place=> .register_bypass(#name, #made)),
        }
    });
    quote!(self.template #(#registered)*)
}

/// The part, which rustc shows as its type: a part of the wrong direction is an error there.
fn made(part: &Part) -> TokenStream {
    let (kind, field) = (&part.kind, &part.setter);
    let (first, last) = ends(kind);
    let arguments = |arguments: TokenStream| {
        let mut group = Group::new(Delimiter::Parenthesis, arguments);
        group.set_span(last);
        group
    };
    let at = arguments(quote!(self.#field));
    let options = part.options.iter().map(|(name, value)| {
        let value = arguments(value.to_token_stream());
        quote!(.#name #value)
    });
    let (before, after) = (quote_spanned!(first=> <), quote_spanned!(last=> as ::palm::__private::FromAddress>::at));
    quote!(#before #kind #after #at #(#options)*)
}

fn route(topology: &Topology, part: &Part) -> TokenStream {
    let route = match part.target {
        Target::Part(place) => {
            let name = topology.parts[place].name.to_string();
            quote!(to(#name))
        }
        Target::Discard => quote!(discard()),
        Target::Exterior => quote!(exterior()),
    };
    let blocking = part.blocking.then(|| quote!(.blocking()));
    let hooks = &part.hooks;
    let log = part.log.iter().map(|text| quote!(.log(#text)));
    quote!(::palm::__private::Route::#route #blocking #(.#hooks())* #(#log)*)
}

fn binds_once(first: &Part, second: &Part) -> TokenStream {
    let span = ends(&second.address).0;
    let [(first_kind, first_bound), (second_kind, second_bound)] =
        [first, second].map(|part| (&part.kind, part.direction.bound()));
    let text =
        format!("`{}` and `{}` cannot both bind this address; give one of them another", first.name, second.name);
    quote_spanned! {span=>
        const _: () = ::palm::__private::core::assert!(
            !(<#first_kind as ::palm::__private::#first_bound>::BINDS && <#second_kind as ::palm::__private::#second_bound>::BINDS),
            #text
        );
    }
}

fn gets_feedback(inbound: &Part, chain: &[&Part]) -> TokenStream {
    let assertions = chain.iter().map(|part| {
        let (kind, span) = (&part.kind, ends(&inbound.name).0);
        let text = format!(
            "`{}` would block for ever: `{}` gives no feedback; remove `blocking`, or route to a part that replies",
            inbound.name, part.name
        );
        quote_spanned! {span=>
            const _: () = ::palm::__private::core::assert!(<#kind as ::palm::__private::Outbound>::REPLIES, #text);
        }
    });
    quote!(#(#assertions)*)
}
