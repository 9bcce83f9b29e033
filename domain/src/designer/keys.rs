//! What keys do: one table, for the canvas and for the help that lists them.

use super::selection::Direction;

/// What a key, or a button that stands for it, asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    ZoomIn,
    ZoomOut,
    ActualSize,
    Fit,
    Pan(Direction),
    /// Moves what is selected.
    Nudge(Direction),
    NudgeFar(Direction),
    /// Selects the neighbour.
    Walk(Direction),
    Next,
    Previous,
    SelectAll,
    Escape,
    OpenSettings,
    Rename,
    Append,
    Replace,
    Connect,
    Delete,
    Copy,
    Cut,
    Paste,
    Duplicate,
    Undo,
    Redo,
    Find,
    Save,
    Tidy,
    Help,
}

/// What is held down together with a key or a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modifiers {
    /// Ctrl, or Cmd where there is one.
    pub ctrl: bool,
    pub shift: bool,
    pub alt: bool,
    pub space: bool,
}

/// A key with what it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Binding {
    /// As the browser names the key, after the modifiers: `Ctrl+Shift+z`.
    pub chord: &'static str,
    pub command: Command,
    pub group: &'static str,
    pub description: &'static str,
}

const fn binding(chord: &'static str, command: Command, group: &'static str, description: &'static str) -> Binding {
    Binding { chord, command, group, description }
}

const VIEW: &str = "View";
const SELECT: &str = "Select";
const EDIT: &str = "Edit";

/// All of them. Neighbours with the same description are one line of the help.
pub const BINDINGS: [Binding; 49] = {
    use Command::*;
    use Direction::*;
    [
        binding("+", ZoomIn, VIEW, "Zoom in"),
        binding("=", ZoomIn, VIEW, "Zoom in"),
        binding("-", ZoomOut, VIEW, "Zoom out"),
        binding("0", ActualSize, VIEW, "Zoom to 100 %"),
        binding("1", Fit, VIEW, "Fit everything"),
        binding("Ctrl+ArrowLeft", Pan(Left), VIEW, "Pan"),
        binding("Ctrl+ArrowRight", Pan(Right), VIEW, "Pan"),
        binding("Ctrl+ArrowUp", Pan(Up), VIEW, "Pan"),
        binding("Ctrl+ArrowDown", Pan(Down), VIEW, "Pan"),
        binding("Ctrl+f", Find, VIEW, "Find a node"),
        binding("?", Help, VIEW, "Show these keys"),
        binding("Tab", Next, SELECT, "Next node"),
        binding("Shift+Tab", Previous, SELECT, "Previous node"),
        binding("Alt+ArrowLeft", Walk(Left), SELECT, "Go to the neighbour"),
        binding("Alt+ArrowRight", Walk(Right), SELECT, "Go to the neighbour"),
        binding("Alt+ArrowUp", Walk(Up), SELECT, "Go to the neighbour"),
        binding("Alt+ArrowDown", Walk(Down), SELECT, "Go to the neighbour"),
        binding("Ctrl+a", SelectAll, SELECT, "Select everything"),
        binding("Escape", Escape, SELECT, "Cancel, or select nothing"),
        binding("ArrowLeft", Nudge(Left), EDIT, "Move what is selected"),
        binding("ArrowRight", Nudge(Right), EDIT, "Move what is selected"),
        binding("ArrowUp", Nudge(Up), EDIT, "Move what is selected"),
        binding("ArrowDown", Nudge(Down), EDIT, "Move what is selected"),
        binding("Shift+ArrowLeft", NudgeFar(Left), EDIT, "Move it faster"),
        binding("Shift+ArrowRight", NudgeFar(Right), EDIT, "Move it faster"),
        binding("Shift+ArrowUp", NudgeFar(Up), EDIT, "Move it faster"),
        binding("Shift+ArrowDown", NudgeFar(Down), EDIT, "Move it faster"),
        binding("Enter", OpenSettings, EDIT, "Open the settings"),
        binding("F2", Rename, EDIT, "Rename"),
        binding("a", Append, EDIT, "Append a node"),
        binding("r", Replace, EDIT, "Replace by another kind"),
        binding("c", Connect, EDIT, "Connect to a node"),
        binding("Delete", Delete, EDIT, "Remove"),
        binding("Backspace", Delete, EDIT, "Remove"),
        binding("Ctrl+c", Copy, EDIT, "Copy"),
        binding("Ctrl+x", Cut, EDIT, "Cut"),
        binding("Ctrl+v", Paste, EDIT, "Paste"),
        binding("Ctrl+d", Duplicate, EDIT, "Duplicate"),
        binding("Ctrl+z", Undo, EDIT, "Undo"),
        binding("Ctrl+y", Redo, EDIT, "Redo"),
        binding("Ctrl+Shift+z", Redo, EDIT, "Redo"),
        binding("Ctrl+s", Save, EDIT, "Save now"),
        binding("t", Tidy, EDIT, "Tidy: automatic layout"),
        // What people try, and what browsers would do with it, or where Shift is needed for the plain one.
        binding("Ctrl++", ZoomIn, VIEW, "Zoom in"),
        binding("Ctrl+=", ZoomIn, VIEW, "Zoom in"),
        binding("Ctrl+-", ZoomOut, VIEW, "Zoom out"),
        binding("Ctrl+0", ActualSize, VIEW, "Zoom to 100 %"),
        binding("Ctrl+1", Fit, VIEW, "Fit everything"),
        binding("_", ZoomOut, VIEW, "Zoom out"),
    ]
};

/// What the pointer does, for the same help.
const GESTURES: [(&str, &str); 12] = [
    ("Drag the canvas, Space+drag, middle button, wheel, two fingers", "Pan"),
    ("Ctrl+wheel, pinch", "Zoom at the pointer"),
    ("Click", "Select"),
    ("Shift+click, Ctrl+click, tap with “Select several” on", "Select more"),
    ("Shift+drag, drag with “Select several” on", "Select in a box"),
    ("Double click", "Open the settings"),
    ("Drag a node", "Move, with guides; Alt without"),
    ("Drag a handle to a node", "Connect"),
    ("Drag a handle into empty space, click a handle", "Choose what follows"),
    ("Drag the end of a selected edge", "Reconnect"),
    ("Drag from the palette, click in the palette", "Add a node"),
    ("Drop on an edge", "Insert"),
];

/// The same on the canvas of a saga.
const SAGA_GESTURES: [(&str, &str); 9] = [
    ("Drag the canvas, Space+drag, middle button, wheel, two fingers", "Pan"),
    ("Ctrl+wheel, pinch", "Zoom at the pointer"),
    ("Click", "Select"),
    ("Shift+click, Ctrl+click, tap with “Select several” on", "Select more"),
    ("Shift+drag, drag with “Select several” on", "Select in a box"),
    ("Double click", "Open the settings"),
    ("Drag a step", "Move it to another place in the order"),
    ("Click a plus", "Add a step there, or what undoes one"),
    ("Drag from the palette, click in the palette", "Add a step, an undo or a reaction"),
];

pub fn gestures(is_saga: bool) -> &'static [(&'static str, &'static str)] {
    if is_saga { &SAGA_GESTURES } else { &GESTURES }
}

/// What a key does to a saga, where that is not what it does to a process; none: nothing.
fn in_saga(binding: &Binding) -> Option<&'static str> {
    use Direction::{Left, Right};
    match binding.command {
        Command::Nudge(Left | Right) => Some("Move a step earlier or later"),
        Command::NudgeFar(Left | Right) => Some("Move it to the first or the last place"),
        Command::Nudge(_) | Command::NudgeFar(_) | Command::Replace | Command::Connect | Command::Tidy => None,
        Command::Append => Some("Add a step, an undo or a reaction"),
        Command::Rename => Some("Go to its first setting"),
        _ => Some(binding.description),
    }
}

/// What a key asks for; `key` as the browser names it. Nothing while one types in a field.
pub fn command(key: &str, modifiers: Modifiers, is_typing: bool) -> Option<Command> {
    if is_typing {
        return None;
    }
    BINDINGS.iter().find(|binding| matches(binding.chord, key, modifiers)).map(|binding| binding.command)
}

fn matches(chord: &str, key: &str, pressed: Modifiers) -> bool {
    let (wanted, name) = parse(chord);
    // Whether a sign needs Shift depends on the keyboard.
    let is_sign = name.chars().count() == 1 && !name.starts_with(char::is_alphabetic);
    let same_key = if name.chars().count() == 1 { name.eq_ignore_ascii_case(key) } else { name == key };
    same_key
        && wanted.ctrl == pressed.ctrl
        && wanted.alt == pressed.alt
        && (is_sign || wanted.shift == pressed.shift)
        && !pressed.space
}

fn parse(chord: &str) -> (Modifiers, &str) {
    let (mut modifiers, mut rest) = (Modifiers::default(), chord);
    loop {
        if let Some(after) = rest.strip_prefix("Ctrl+") {
            (modifiers.ctrl, rest) = (true, after);
        } else if let Some(after) = rest.strip_prefix("Shift+") {
            (modifiers.shift, rest) = (true, after);
        } else if let Some(after) = rest.strip_prefix("Alt+") {
            (modifiers.alt, rest) = (true, after);
        } else {
            return (modifiers, rest);
        }
    }
}

/// A line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpLine {
    pub group: &'static str,
    /// Any of these, as they are written on keyboards.
    pub chords: Vec<String>,
    pub description: &'static str,
}

/// All keys by what they do; each description once.
pub fn help(is_saga: bool) -> Vec<HelpLine> {
    let mut lines: Vec<HelpLine> = Vec::new();
    for binding in &BINDINGS {
        let chord = written(binding.chord);
        let Some(description) = (if is_saga { in_saga(binding) } else { Some(binding.description) }) else { continue };
        match lines.iter_mut().find(|line| line.description == description) {
            Some(line) => line.chords.push(chord),
            None => lines.push(HelpLine { group: binding.group, chords: vec![chord], description }),
        }
    }
    lines
}

fn written(chord: &str) -> String {
    let (modifiers, key) = parse(chord);
    let key = match key {
        "ArrowLeft" => "←".to_owned(),
        "ArrowRight" => "→".to_owned(),
        "ArrowUp" => "↑".to_owned(),
        "ArrowDown" => "↓".to_owned(),
        "Escape" => "Esc".to_owned(),
        key if key.chars().count() == 1 => key.to_uppercase(),
        key => key.to_owned(),
    };
    let held = [(modifiers.ctrl, "Ctrl+"), (modifiers.shift, "Shift+"), (modifiers.alt, "Alt+")];
    held.into_iter().filter(|(held, _)| *held).map(|(_, name)| name).chain([key.as_str()]).collect()
}
