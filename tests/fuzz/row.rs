//! Random rows. Most values are fine, so that many requests are.

/// As the inputs of the model have them.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub real: [f32; 4],
    pub whole: [i64; 2],
    pub text: [String; 2],
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let at = self.number() % of.len() as u64;
        of[usize::try_from(at).expect("it is an index")].clone()
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.number().is_multiple_of(count)
    }
}

const PAST: i64 = (1 << 53) + 1;

const REALS: [f32; 12] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    -0.0,
    1.0,
    -1.0,
    1.000_000_1,
    -1.000_000_1,
    2.0,
    3.5,
    f32::MAX,
    1e-45,
];

const WHOLES: [i64; 9] = [0, -1, 1, PAST, PAST - 1, -PAST, i64::MAX, i64::MIN, -5];

const TEXTS: [&str; 11] = [
    "",
    "A",
    "UA",
    "AA",
    "é",
    "ABCD",
    "ÄÖÜ",
    "aB",
    "U A",
    "\"\\\n\u{0}",
    "\u{1F600}\u{1F600}\u{1F600}",
];

/// Rows of one request: a single one, or some. Every other request has strange values.
pub fn request(random: &mut Random) -> Vec<Row> {
    let rows = random.pick(&[1, 1, 1, 2, 3, 7, 50, 120, 250]);
    let strange = random.one_in(2);
    (0..rows).map(|_| row(random, strange)).collect()
}

fn row(random: &mut Random, strange: bool) -> Row {
    let mut row = Row {
        real: [0.5, 7.0, random.pick(&[1.0, 2.0, 3.5]), random.pick(&[0.5, 1.5, f32::INFINITY])],
        whole: [random.pick(&[0, 1 << 40, PAST - 1]), random.pick(&[1, -5, PAST])],
        text: [random.pick(&["A", "LGA"]), random.pick(&["UA", "AA", "é"])].map(str::to_owned),
    };
    // A missing value is fine where nothing demands it.
    if row.text[1] != "UA" && random.one_in(4) {
        row.real[3] = f32::NAN;
    }
    if strange && random.one_in(8) {
        spoil(random, &mut row);
    }
    row
}

/// Any values in some of the places.
fn spoil(random: &mut Random, row: &mut Row) {
    for value in &mut row.real {
        if random.one_in(3) {
            *value = random.pick(&REALS);
        }
    }
    for value in &mut row.whole {
        if random.one_in(3) {
            *value = random.pick(&WHOLES);
        }
    }
    for value in &mut row.text {
        if random.one_in(3) {
            random.pick(&TEXTS).clone_into(value);
        }
    }
}
