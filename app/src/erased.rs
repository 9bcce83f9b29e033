//! Views without their types, for a small bundle.
//!
//! Leptos' own `into_any` keeps, for every type of view, the code that hydrates it asynchronously, which only what stands around
//! lazily loaded routes needs: the layout. [`Erase::erased`] leaves that code out, and the bundle is a fifth smaller.

use leptos::{
    prelude::{AddAnyAttr, AnyView, IntoAny, Render, RenderHtml},
    tachys::{
        html::attribute::{Attribute, any_attribute::AnyAttribute},
        hydration::Cursor,
        ssr::StreamBuilder,
        view::{Position, PositionState},
    },
};

pub trait Erase: RenderHtml + Sized {
    /// The view as one of no particular type.
    fn erased(self) -> AnyView {
        Sync(self).into_any()
    }
}

impl<T: RenderHtml> Erase for T {}

/// A view that is only ever hydrated at once. All but `hydrate_async`, which keeps its default, is the inner view's.
struct Sync<T>(T);

impl<T: Render> Render for Sync<T> {
    type State = T::State;

    fn build(self) -> Self::State {
        self.0.build()
    }

    fn rebuild(self, state: &mut Self::State) {
        self.0.rebuild(state);
    }
}

impl<T: AddAnyAttr> AddAnyAttr for Sync<T> {
    type Output<A: Attribute> = Sync<T::Output<A>>;

    fn add_any_attr<A: Attribute>(self, attribute: A) -> Self::Output<A>
    where
        Self::Output<A>: RenderHtml,
    {
        Sync(self.0.add_any_attr(attribute))
    }
}

impl<T: RenderHtml> RenderHtml for Sync<T> {
    type AsyncOutput = T::AsyncOutput;
    type Owned = Sync<T::Owned>;

    const MIN_LENGTH: usize = T::MIN_LENGTH;
    const EXISTS: bool = T::EXISTS;

    fn dry_resolve(&mut self) {
        self.0.dry_resolve();
    }

    async fn resolve(self) -> Self::AsyncOutput {
        self.0.resolve().await
    }

    fn html_len(&self) -> usize {
        self.0.html_len()
    }

    fn to_html_with_buf(
        self,
        buffer: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attributes: Vec<AnyAttribute>,
    ) {
        self.0.to_html_with_buf(buffer, position, escape, mark_branches, extra_attributes);
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        buffer: &mut StreamBuilder,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attributes: Vec<AnyAttribute>,
    ) {
        self.0.to_html_async_with_buf::<OUT_OF_ORDER>(buffer, position, escape, mark_branches, extra_attributes);
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        self.0.hydrate::<FROM_SERVER>(cursor, position)
    }

    fn into_owned(self) -> Self::Owned {
        Sync(self.0.into_owned())
    }
}
