//! Model in, code out. Nothing here can fail.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Type};

use super::model::{Access, Argument, Component, Hook, HookMethod, Method, private};
use crate::source::{ends, without_lifetimes, written};

pub(super) fn expand(component: &Component) -> TokenStream {
    let (private, self_type, attributes) = (private(), &component.self_type, &component.attributes);
    let marker = component.kind.marker();
    let numbers = Numbers::of(&component.methods);
    let (definitions, description) = (&numbers.definitions, description(component));
    let (resolve, call) = (resolve(&component.methods, &numbers), call(&component.methods, &numbers));
    let shared = shared(&component.methods, &numbers);
    let hooks = hooks(&component.hooks);
    let constructor = constructor(component);
    quote! {
        #(#attributes)*
        const _: () = {
            #definitions
            static DESCRIPTION: #private::Description = #description;

            #[automatically_derived]
            impl #private::Service for #self_type {
                fn description(&self) -> &'static #private::Description {
                    &DESCRIPTION
                }
                #resolve
                #call
                #shared
                #hooks
            }

            #[automatically_derived]
            impl #private::#marker for #self_type {}

            #[automatically_derived]
            impl #private::Constructor for #self_type {
                fn constructor() -> #private::Constructed {
                    #constructor
                }
            }

            #private::inventory::submit! {
                #private::Registration::new(&DESCRIPTION, <#self_type as #private::Constructor>::constructor)
            }
        };
    }
}

/// The methods' numbers: their places in the description. Behind a `cfg` only rustc can count, so it does.
struct Numbers {
    definitions: TokenStream,
    patterns: Vec<TokenStream>,
}

impl Numbers {
    fn of(methods: &[Method]) -> Self {
        if methods.iter().all(|method| method.cfgs.is_empty()) {
            let patterns =
                (0..methods.len()).map(|number| proc_macro2::Literal::usize_unsuffixed(number).to_token_stream());
            return Self { definitions: TokenStream::new(), patterns: patterns.collect() };
        }
        let usize = quote!(::palm::__private::core::primitive::usize);
        let names: Vec<_> = (0..methods.len()).map(|number| format_ident!("METHOD_{number}")).collect();
        let variants: Vec<_> = (0..methods.len()).map(|number| format_ident!("Method{number}")).collect();
        let cfgs: Vec<_> = methods.iter().map(|method| cfgs(&method.cfgs)).collect();
        let definitions = quote! {
            enum __Number { #(#cfgs #variants,)* }
            #(#cfgs const #names: #usize = __Number::#variants as #usize;)*
        };
        Self { definitions, patterns: names.iter().map(ToTokens::to_token_stream).collect() }
    }
}

fn cfgs(attributes: &[Attribute]) -> TokenStream {
    quote!(#(#attributes)*)
}

fn description(component: &Component) -> TokenStream {
    let (private, name, docs) = (private(), &component.name, &component.docs);
    let kind = component.kind.variant();
    let methods = component.methods.iter().map(|method| {
        let (cfgs, name, docs) = (cfgs(&method.cfgs), &method.wire, &method.docs);
        let payload = method.payload().map(written).unwrap_or_default();
        let reply = method.reply.as_ref().map(written).unwrap_or_default();
        let (shared, is_async) = (method.access != Access::Alone, method.access == Access::Async);
        // At the method's own place, so that it is the method's line.
        let line = quote_spanned!(method.ident.span()=> ::palm::__private::core::line!());
        quote! {
            #cfgs
            #private::Method {
                name: #name,
                docs: #docs,
                payload: #payload,
                reply: #reply,
                shared: #shared,
                is_async: #is_async,
                line: #line,
            }
        }
    });
    let hooks = hook_flags(&component.hooks);
    quote! {
        #private::Description {
            name: #name,
            kind: #private::Kind::#kind,
            methods: &[#(#methods),*],
            hooks: #hooks,
            docs: #docs,
            file: #private::core::file!(),
            line: #private::core::line!(),
        }
    }
}

fn hook_flags(hooks: &[HookMethod]) -> TokenStream {
    let private = private();
    let present: Vec<_> = hooks.iter().filter_map(|hook| Some((hook.hook.field()?, &hook.cfgs))).collect();
    if present.is_empty() {
        return quote!(#private::Hooks::NONE);
    }
    let steps = present.iter().map(|(field, attributes)| {
        let cfgs = cfgs(attributes);
        quote!(#cfgs let hooks = #private::Hooks { #field: true, ..hooks };)
    });
    quote!({ let hooks = #private::Hooks::NONE; #(#steps)* hooks })
}

fn resolve(methods: &[Method], numbers: &Numbers) -> TokenStream {
    let core = quote!(::palm::__private::core);
    let head = quote!(-> #core::option::Option<#core::primitive::usize>);
    if methods.is_empty() {
        return quote!(fn resolve(&self, _: &#core::primitive::str) #head { #core::option::Option::None });
    }
    let arms = methods.iter().zip(&numbers.patterns).map(|(method, number)| {
        let (cfgs, wire) = (cfgs(&method.cfgs), &method.wire);
        quote!(#cfgs #wire => #core::option::Option::Some(#number),)
    });
    quote! {
        fn resolve(&self, method: &#core::primitive::str) #head {
            match method {
                #(#arms)*
                _ => #core::option::Option::None,
            }
        }
    }
}

/// What takes `&self` is left to `call_shared`, so that its code is there once.
fn call(methods: &[Method], numbers: &Numbers) -> TokenStream {
    if !has(methods, &[Access::Alone, Access::Shared]) {
        return TokenStream::new();
    }
    let private = private();
    let arms = arms(methods, numbers, Access::Alone);
    let otherwise = if has(methods, &[Access::Shared]) {
        quote!(#private::Service::call_shared(self, method, call, replies))
    } else {
        quote!(#private::no_such_method(method, call, replies))
    };
    quote! {
        fn call(
            &mut self,
            method: #private::core::primitive::usize,
            call: &#private::Call<'_>,
            replies: &mut #private::Replies<'_>,
        ) -> #private::core::result::Result<(), #private::Failure> {
            match method {
                #(#arms)*
                _ => #otherwise,
            }
        }
    }
}

fn shared(methods: &[Method], numbers: &Numbers) -> TokenStream {
    let private = private();
    let call = has(methods, &[Access::Shared]).then(|| {
        let arms = arms(methods, numbers, Access::Shared);
        quote! {
            fn call_shared(
                &self,
                method: #private::core::primitive::usize,
                call: &#private::Call<'_>,
                replies: &mut #private::Replies<'_>,
            ) -> #private::core::result::Result<(), #private::Failure> {
                match method {
                    #(#arms)*
                    _ => #private::no_such_method(method, call, replies),
                }
            }
        }
    });
    let call_async = has(methods, &[Access::Async]).then(|| {
        let arms = arms(methods, numbers, Access::Async);
        quote! {
            fn call_async<'a>(
                &'a self,
                method: #private::core::primitive::usize,
                call: &'a #private::Call<'_>,
                replies: &'a mut #private::Replies<'_>,
            ) -> #private::Running<'a> {
                match method {
                    #(#arms)*
                    _ => #private::task(async move { #private::no_such_method(method, call, replies) }),
                }
            }
        }
    });
    let share = has(methods, &[Access::Shared, Access::Async]).then(|| {
        quote! {
            fn share(self: #private::Box<Self>) -> #private::Shared {
                use #private::probe::*;
                (&#private::Probe::<Self>::NEW).share(self)
            }
        }
    });
    quote!(#call #call_async #share)
}

fn has(methods: &[Method], access: &[Access]) -> bool {
    methods.iter().any(|method| access.contains(&method.access))
}

/// An arm for each method of that access.
fn arms(methods: &[Method], numbers: &Numbers, access: Access) -> Vec<TokenStream> {
    let private = private();
    let wanted = methods.iter().zip(&numbers.patterns).filter(|(method, _)| method.access == access);
    let arm = |(method, number): (&Method, &TokenStream)| {
        let (cfgs, ident) = (cfgs(&method.cfgs), &method.ident);
        let quiet = method.deprecated.then(|| quote!(#[allow(deprecated)]));
        let arguments = method.arguments.iter().map(argument);
        let called = shown_at(method.reply.as_ref(), ident, quote!(self #(, #arguments)*));
        if access != Access::Async {
            return quote!(#cfgs #quiet #number => #private::reply(#called, replies),);
        }
        let (_, last) = method.reply.as_ref().map_or_else(|| ends(ident), ends);
        let given = quote_spanned!(last=> .await);
        // At the method's name, so that a future which cannot be sent is an error there.
        let name = ident.span().resolved_at(Span::call_site());
        let task = quote_spanned!(name=> ::palm::__private::task(async move { ::palm::__private::reply(#called #given, replies) }));
        quote!(#cfgs #quiet #number => #task,)
    };
    wanted.map(arm).collect()
}

/// The type stands in it as the user wrote it, so that a type that is no extractor is an error on that very type.
fn argument(argument: &Argument) -> TokenStream {
    match argument {
        Argument::Call => quote!(call),
        Argument::Payload(kind) => {
            let kind = without_lifetimes(kind);
            quote!(<#kind as ::palm::__private::FromPayload<'_>>::from_payload(call.payload())?)
        }
    }
}

/// `Self::method(arguments)`, which rustc shows as the return type: an error about what is returned points there.
fn shown_at(reply: Option<&Type>, ident: &Ident, arguments: TokenStream) -> TokenStream {
    let (first, last) = reply.map_or_else(|| ends(ident), ends);
    let mut arguments = proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, arguments);
    arguments.set_span(last);
    let function = quote_spanned!(first=> Self::);
    let arguments = TokenTree::Group(arguments);
    quote!(#function #ident #arguments)
}

fn hooks(hooks: &[HookMethod]) -> TokenStream {
    let private = private();
    let flags = hooks.iter().any(|hook| hook.hook.field().is_some()).then(|| {
        quote! {
            fn hooks(&self) -> #private::Hooks {
                DESCRIPTION.hooks
            }
        }
    });
    let methods = hooks.iter().map(|hook| {
        let (cfgs, ident) = (cfgs(&hook.cfgs), &hook.ident);
        let called = |arguments| shown_at(hook.reply.as_ref(), ident, arguments);
        let method = match hook.hook {
            Hook::Scatter | Hook::Gather => {
                let called = called(quote!(self, message));
                quote! {
                    fn #ident(&mut self, message: #private::Message, out: &mut #private::Messages<'_>) {
                        #private::messages(#called, out);
                    }
                }
            }
            Hook::HandleStream => {
                let called = called(quote!(self, message));
                quote! {
                    fn #ident(&mut self, message: &mut #private::Message) -> #private::Topic {
                        #private::topic(#called)
                    }
                }
            }
            Hook::Started | Hook::Stopping => {
                let called = called(quote!(self));
                quote!(fn #ident(&mut self) { #called })
            }
        };
        quote!(#cfgs #method)
    });
    quote!(#flags #(#methods)*)
}

fn constructor(component: &Component) -> TokenStream {
    let private = private();
    match &component.constructor {
        Some(function) => {
            let (first, last) = ends(function);
            let mut called = function.to_token_stream();
            let mut arguments = proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, TokenStream::new());
            arguments.set_span(last);
            called.extend([TokenTree::Group(arguments)]);
            quote_spanned!(first=> ::palm::__private::constructed::<Self, _, _>(#called))
        }
        None => quote! {
            use #private::probe::*;
            (&#private::Probe::<Self>::NEW).construct()
        },
    }
}
