//! After an error: the mistakes, and a service that only compiles, so that nothing else is reported.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemImpl;

use super::model::{Kind, private};
use crate::errors::Errors;

pub(super) fn expand(kind: Kind, block: &ItemImpl, errors: Errors) -> TokenStream {
    let (errors, private, marker) = (errors.into_tokens(), private(), kind.marker());
    let (self_type, generics) = (&block.self_ty, &block.generics.params);
    let clause = block.generics.where_clause.as_ref().map(|clause| &clause.predicates).into_iter();
    // Nothing is known about the parameters, so the stub asks for what the trait asks for.
    let clause = quote!(where Self: #private::core::marker::Send + 'static, #(#clause)*);
    quote! {
        #errors
        #[automatically_derived]
        impl<#generics> #private::Service for #self_type #clause {
            fn description(&self) -> &'static #private::Description {
                #private::core::unreachable!()
            }
            fn resolve(&self, _: &#private::core::primitive::str) -> #private::core::option::Option<#private::core::primitive::usize> {
                #private::core::unreachable!()
            }
        }
        #[automatically_derived]
        impl<#generics> #private::#marker for #self_type #clause {}
    }
}
