use serde::{Deserialize, Serialize};

use crate::{
    Caps, Encoding, Extent, MediaError, Probed, Recipe, Rendered, decode, encode, probe, resize,
};

/// What is accepted, and what is made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pipeline {
    /// What is refused.
    pub caps: Caps,
    /// What is made.
    pub recipe: Recipe,
}

impl Pipeline {
    /// Looks at the header of a picture. Nothing is decoded: work is linear in the bytes, and memory constant.
    ///
    /// Of a [prefix](Extent::Prefix), whatever can be judged is. A picture whose prefix was taken may still be refused whole.
    ///
    /// # Errors
    /// Why the picture is refused; [`MediaError::MoreNeeded`] when the prefix ends before the header does, which of
    /// [`PREFIX_BYTES`](crate::PREFIX_BYTES) hardly ever happens.
    pub fn probe(&self, bytes: &[u8], extent: Extent) -> Result<Probed, MediaError> {
        probe::probe(bytes, extent, &self.caps, &self.recipe)
    }

    /// The bytes of memory that rendering a picture of this kind may take.
    #[must_use]
    pub fn memory_cap(&self, probed: &Probed) -> u64 {
        probe::memory_cap(probed, &self.caps.memory)
    }

    /// Makes the renditions of a whole picture in one encoding, the widest first, from one decoding.
    ///
    /// Call it in a process of its own, with limits on its memory and time: the probe bounds both, but decoders have errors.
    ///
    /// # Errors
    /// Why the picture is refused, or [`MediaError::Failed`].
    ///
    /// # Panics
    /// Where a decoder does.
    pub fn render(&self, bytes: &[u8], encoding: Encoding) -> Result<Vec<Rendered>, MediaError> {
        let probed = self.probe(bytes, Extent::Whole)?;
        let mut base = decode::decode(bytes, &probed, &self.recipe)?;
        let mut renditions = self
            .recipe
            .renditions(probed.upright(), encoding)
            .into_iter()
            .peekable();
        let mut rendered = Vec::new();
        while let Some(rendition) = renditions.next() {
            let raster = resize::resize(&base, rendition.size(), self.recipe.light)?;
            let bytes = encode::encode(&raster, encoding, &self.recipe)?;
            rendered.push(Rendered { rendition, bytes });
            // A rendition with headroom for the next one takes the place of the larger picture.
            let next = renditions.peek().map_or(u32::MAX, |next| next.width);
            if rendition.width >= self.recipe.with_headroom(next) {
                base = raster;
            }
        }
        Ok(rendered)
    }
}
