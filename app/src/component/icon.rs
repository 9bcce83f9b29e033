//! The icons: strokes on a grid of 16, in the colour of the text around them. They never carry meaning alone.

use leptos::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Overview,
    Flow,
    Messages,
    Failures,
    Destinations,
    Sources,
    Instances,
    Processes,
    Sagas,
    Tasks,
    Settings,
    Search,
    Menu,
    Close,
    Copy,
    Pause,
    Play,
    Retry,
    Plus,
    Sun,
    Arrow,
    External,
    Down,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Overview => "M2 9h3v5H2zM6.5 5h3v9h-3zM11 2h3v12h-3z",
            Self::Flow => "M1 8h3.5l2-5 3 10 2-5H15",
            Self::Messages => "M2 3.5h12v9H2zM2 4.500l6 4.500 6-4.500",
            Self::Failures => "M8 2.200 14.600 13.500H1.400zM8 6.500v3.300M8 11.600v.2",
            Self::Destinations => "M2 8h8M7 4.500 10.500 8 7 11.500M14 2.500v11",
            Self::Sources => "M2 2.500v11M6 8h8M9.500 4.500 6 8l3.500 3.500",
            Self::Instances => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.500V8l2.500 1.500",
            Self::Processes => "M1.500 2h5v4h-5zM9.500 10h5v4h-5zM4 6v6h5.500",
            Self::Sagas => "M3 6a5.200 5.200 0 0 1 9-2M13 10a5.200 5.200 0 0 1-9 2M12.500 1v3h-3M3.500 15v-3h3",
            Self::Tasks => "M2 8.500 6 12.500 14 3.500",
            Self::Settings => {
                "M2 4.500h7M13 4.500h1M2 11.500h1M7 11.500h7M11 6.300a1.800 1.800 0 1 0 0-3.600 1.800 1.800 0 0 0 0 3.600zM5 13.300a1.800 1.800 0 1 0 0-3.600 1.800 1.800 0 0 0 0 3.600z"
            }
            Self::Search => "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.700 10.700 14 14",
            Self::Menu => "M2 4h12M2 8h12M2 12h12",
            Self::Close => "M3.500 3.500l9 9M12.500 3.500l-9 9",
            Self::Copy => "M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3",
            Self::Pause => "M5 3v10M11 3v10",
            Self::Play => "M4.500 2.500 12.500 8l-8 5.500z",
            Self::Retry => "M13 8a5 5 0 1 1-1.500-3.600M12 1.500v3H9",
            Self::Plus => "M8 3v10M3 8h10",
            Self::Sun => {
                "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1"
            }
            Self::Arrow => "M3 8h10M9.500 4.500 13 8l-3.500 3.500",
            Self::Down => "M4 6l4 4 4-4",
            Self::External => "M6 3H3v10h10v-3M9 2.500h4.500V7M13 3 7.500 8.500",
        }
    }
}

/// Hidden from assistive technology: the text beside it (or the button's label) says what it means.
pub fn icon(icon: Icon) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d=icon.path()/>
        </svg>
    }
}
