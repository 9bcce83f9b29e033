//! A document with its scene and its history, kept in step: what a screen holds on to.

use super::{
    change::{Change, Forbidden},
    document::Document,
    edit::{self, Edit},
    history::{History, Moved},
    scene::Scene,
};

#[derive(Debug, Clone, PartialEq)]
pub struct Editor {
    document: Document,
    scene: Scene,
    history: History,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// For those who do not see it; empty when everything was so already.
    pub sentence: String,
    pub touched: Vec<String>,
    /// What one wants to see selected now; empty leaves the selection as it is.
    pub select: Vec<String>,
    /// Whether anything but positions changed.
    pub changes_meaning: bool,
}

impl Editor {
    /// Nodes without a saved position get one beside the others, which is no change. To have them laid out well, call
    /// [`Document::place_missing`] first.
    pub fn open(mut document: Document) -> Self {
        document.place_missing(&Default::default());
        let scene = Scene::of(&document);
        Self { document, scene, history: History::default() }
    }

    pub fn document(&self) -> &Document {
        &self.document
    }

    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// For marking what was saved, and for sealing a step.
    pub fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    /// Does all of them as one step, or none.
    ///
    /// # Errors
    ///
    /// The first that cannot be done.
    pub fn commit(&mut self, edits: &[Edit]) -> Result<Done, Forbidden> {
        let changes = edit::apply_all(&mut self.document, edits)?;
        let done = Done {
            sentence: changes.iter().rfind(|it| !it.is_empty()).map(|it| it.sentence.clone()).unwrap_or_default(),
            touched: changes.iter().flat_map(|change| change.touched.clone()).collect(),
            select: changes.iter().flat_map(|change| change.select.clone()).collect(),
            changes_meaning: changes.iter().any(Change::changes_meaning),
        };
        self.history.push(changes);
        self.scene = self.scene.next(&self.document);
        Ok(done)
    }

    /// Takes back the last step, if there is one.
    pub fn undo(&mut self) -> Option<Moved> {
        let moved = self.history.undo(&mut self.document)?;
        self.scene = self.scene.next(&self.document);
        Some(moved)
    }

    pub fn redo(&mut self) -> Option<Moved> {
        let moved = self.history.redo(&mut self.document)?;
        self.scene = self.scene.next(&self.document);
        Some(moved)
    }
}
