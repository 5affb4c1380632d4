//! Generated products: plausible, varied, and the same for the same seed.

mod product;
mod vocabulary;

use stanchion_kernel::Entropy;

pub use product::{Attribute, Attributes, Price, Product, Status};
use vocabulary::{Category, Extra, Noun, VOCABULARY};

/// How many products the demo has.
pub const PRODUCTS: usize = 2_400;
/// The seed of the demo.
pub const SEED: u64 = 20_261_124;

/// `count` products; the categories take turns.
pub fn products(seed: u64, count: usize) -> impl Iterator<Item = Product> {
    let dice = Dice(Entropy::seeded(seed));
    let categories = VOCABULARY.categories.as_slice();
    (0..count).map(move |index| {
        let serial = index / categories.len() + 1;
        compose(&dice, &categories[index % categories.len()], serial)
    })
}

/// The names of the categories.
pub fn categories() -> impl Iterator<Item = &'static str> {
    VOCABULARY.categories.iter().map(|words| words.name)
}

fn compose(dice: &Dice, words: &'static Category<'static>, serial: usize) -> Product {
    let noun = &words.nouns[dice.index(words.nouns.len())];
    let looks = Looks {
        quality: dice.word(&words.traits),
        material: dice.word(&words.materials),
        colour: dice.word(&words.colours),
        size: dice.word(&words.sizes),
    };
    Product {
        sku: format!("{}-{serial:06}", words.prefix),
        name: name(dice, noun, &looks),
        description: description(dice, words, noun, &looks),
        category: words.name,
        price: Price {
            amount: price(dice, noun),
            currency: "EUR",
        },
        attributes: attributes(dice, words, noun, &looks),
        status: status(dice),
    }
}

/// What name, description and attributes must agree on.
struct Looks {
    quality: &'static str,
    material: &'static str,
    colour: &'static str,
    size: &'static str,
}

fn name(dice: &Dice, noun: &Noun<'_>, looks: &Looks) -> String {
    let maker = dice.word(&VOCABULARY.makers);
    let Looks {
        quality,
        colour,
        size,
        ..
    } = looks;
    let thing = noun.name;
    match dice.below(4) {
        0 => format!("{maker} {thing}, {colour}, {size}"),
        1 => format!("{maker} {quality} {thing}"),
        2 => format!("{maker} {quality} {thing}, {size}"),
        _ => format!("{maker} {quality} {thing}, {colour}"),
    }
}

fn description(
    dice: &Dice,
    words: &'static Category<'static>,
    noun: &Noun<'_>,
    looks: &Looks,
) -> String {
    let Looks {
        quality,
        material,
        colour,
        ..
    } = looks;
    let article = if quality.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "An"
    } else {
        "A"
    };
    let article = if is_plural(noun.name) { "Our" } else { article };
    let (thing, purpose) = (noun.name, dice.word(&words.uses));
    let mut text = format!("{article} {quality} {thing} of {material}, in {colour}, {purpose}.");
    if dice.chance(70) {
        text.push(' ');
        text.push_str(dice.word(&words.features));
    }
    if dice.chance(35) {
        text.push(' ');
        text.push_str(dice.word(&words.care));
    }
    text
}

/// A pair of shoes has no singular.
fn is_plural(noun: &str) -> bool {
    noun.ends_with('s') && !noun.ends_with("ss")
}

/// Prices that a shop would print: `12.90`, `49.00`.
fn price(dice: &Dice, noun: &Noun<'_>) -> i64 {
    const ENDINGS: &[u64] = &[0, 0, 50, 90, 95, 99];
    let (low, high) = noun.cents;
    let whole = dice.between(low, high) / 100 * 100;
    let cents = (whole + ENDINGS[dice.index(ENDINGS.len())]).clamp(low, high);
    i64::try_from(cents).unwrap_or(i64::MAX)
}

fn attributes(
    dice: &Dice,
    words: &'static Category<'static>,
    noun: &Noun<'_>,
    looks: &Looks,
) -> Attributes {
    let (light, heavy) = noun.grams;
    let step = if heavy > 1000 { 50 } else { 1 };
    let mut list = vec![
        ("colour", Attribute::Text(looks.colour)),
        ("material", Attribute::Text(looks.material)),
        ("size", Attribute::Text(looks.size)),
        (
            "weight_g",
            Attribute::Integer(dice.between(light, heavy) / step * step),
        ),
    ];
    list.extend(words.extras.iter().map(|extra| roll(dice, extra)));
    if dice.chance(40) {
        let first = dice.index(words.tags.len());
        let taken = 1 + dice.index(2);
        let tags = words.tags.iter().cycle().skip(first).take(taken);
        list.push(("tags", Attribute::List(tags.copied().collect())));
    }
    Attributes(list)
}

fn roll(dice: &Dice, extra: &'static Extra<'static>) -> (&'static str, Attribute) {
    match extra {
        Extra::Flag { flag } => (flag, Attribute::Flag(dice.chance(50))),
        Extra::Count {
            count,
            range: (low, high),
            step,
        } => {
            let steps = dice.between(0, (high - low) / step);
            (count, Attribute::Integer(low + step * steps))
        }
        Extra::Tenths {
            tenths,
            range: (low, high),
        } => {
            let drawn = u32::try_from(dice.between(*low, *high)).unwrap_or(u32::MAX);
            (tenths, Attribute::Decimal(f64::from(drawn) / 10.0))
        }
        Extra::Word { word, among } => (word, Attribute::Text(dice.word(among))),
    }
}

/// A few are not on sale yet and a few no more, so that both can be seen.
fn status(dice: &Dice) -> Status {
    match dice.below(100) {
        0..3 => Status::Draft,
        3..5 => Status::Archived,
        _ => Status::Active,
    }
}

/// Draws from a seeded stream.
struct Dice(Entropy);

impl Dice {
    fn below(&self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn index(&self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or_default()
    }

    /// One of `words`, which is not empty.
    fn word(&self, words: &'static [&'static str]) -> &'static str {
        words[self.index(words.len())]
    }
}
